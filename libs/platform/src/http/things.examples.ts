import { Body, Controller, Get, Module, Post, Query } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { IsInt, IsObject, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { CALLER_HEADER, signCaller, type Caller } from '../caller';
import { deriveKey } from '../config';
import { RuleViolation } from '../errors';
import type { CommandRequest } from '../event-store';
import { createLogger, type Logger } from '../logging';
import { PLATFORM_PROBLEMS } from '../problems';
import {
  Command,
  createHttpApp,
  CurrentCaller,
  IdParam,
  json,
  Metrics,
  Now,
  Operation,
  RequireScope,
  resource,
  Unguarded,
  type HttpAppOptions,
} from '.';

const optional = { 'x-presence': 'optional' } as object;

export class MakeThing {
  @IsString()
  @MinLength(1)
  @MaxLength(20)
  name!: string;

  @IsObject()
  @JSONSchema({ type: 'object', additionalProperties: true, ...optional })
  notes?: object;
}

export class ListThings {
  @IsInt()
  @Min(1)
  @Max(100)
  @JSONSchema({ type: 'integer', ...optional })
  limit?: number;
}

@Controller()
export class Things {
  /** How often a handler ran: a refused request must not have reached one. */
  static handled = 0;

  @Post('/things')
  @RequireScope('things:write')
  @Operation({ summary: 'Make', tag: 'Things', body: MakeThing, answers: { 201: MakeThing } })
  make(@Body() body: MakeThing, @Command() request: CommandRequest) {
    Things.handled += 1;
    if (body.name === 'sealed') throw new RuleViolation('not_found', 'Sealed.', { sealed_by: 'rule' });
    if (body.name === 'bug') throw new Error('a secret of ours');
    if (body.name === 'outage') throw Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:5432'), { code: 'ECONNREFUSED' });
    return { body, ...request };
  }

  @Get('/things')
  @RequireScope('things:read')
  list(@Query() query: ListThings, @CurrentCaller() caller: Caller, @Now() now: Date) {
    return { query, organization: caller.organizationId, now };
  }

  @Get('/things/:id')
  find(@IdParam('id', 'thg') id: string) {
    return id.endsWith('0') ? json('{ "spaced" : 1 }') : resource({ id }, 3);
  }

  @Post('/things/:id/seal')
  @RequireScope('things:write')
  @Operation({ summary: 'Seal', tag: 'Things', answers: { 200: MakeThing } })
  seal(@IdParam('id', 'thg') id: string) {
    Things.handled += 1;
    return { id };
  }

  @Get('/open')
  @Unguarded()
  open() {
    return {};
  }
}

@Module({ controllers: [Things] })
class ThingsModule {}

export const SECRET = 'a secret for specs that is long enough';

export const CALLER: Caller = {
  organizationId: 'org_1',
  livemode: true,
  actor: { type: 'api_key', id: 'key_1' },
  scopes: ['things:write', 'things:read'],
  timeZone: 'UTC',
};

export const signedBy = (caller: Partial<Caller> = {}, nowMs = Date.now(), secret = SECRET): Record<string, string> => ({
  [CALLER_HEADER]: signCaller({ ...CALLER, ...caller }, deriveKey(secret, 'caller'), nowMs),
});

export const silent: Logger = createLogger({ name: 'spec', level: 'silent' });

/** The demo service on a port of its own. */
export async function openThings(options: Partial<HttpAppOptions> = {}): Promise<{ app: NestFastifyApplication; url: string }> {
  const app = await createHttpApp({
    module: ThingsModule,
    catalogue: PLATFORM_PROBLEMS,
    secret: SECRET,
    logger: silent,
    metrics: new Metrics('spec'),
    ready: {},
    ...options,
  });
  await app.listen(0, '127.0.0.1');
  return { app, url: (await app.getUrl()).replace('[::1]', '127.0.0.1') };
}
