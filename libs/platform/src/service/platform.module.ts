import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { ReleaseController } from '../released-keys';
import { BacklogsController } from './backlogs.controller';
import { FactFateController } from './fact-fate.controller';
import { PresentPositionController } from './present-position.controller';
import { FactsController } from './facts.controller';
import { PublishedController } from './published.controller';

/** The parts every service is made of, built before Nest starts and handed to it: nothing registers itself by magic. */
@Module({})
export class PlatformModule {
  static of(providers: Provider[]): DynamicModule {
    return {
      module: PlatformModule,
      global: true,
      controllers: [
        FactsController,
        PublishedController,
        PresentPositionController,
        BacklogsController,
        FactFateController,
        ReleaseController,
      ],
      providers,
      exports: providers,
    };
  }
}
