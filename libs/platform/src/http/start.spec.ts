import { Body, Controller, Module, Post } from '@nestjs/common';
import { IsString } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { Operation } from '.';
import { openThings } from './things.examples';

class MakeFaulty {
  @IsString()
  @JSONSchema({ $ref: '#/components/schemas/Nowhere' })
  part!: string;
}

@Controller()
class Faulty {
  @Post('/faulty')
  @Operation({ summary: 'Make', tag: 'Faulty', body: MakeFaulty, answers: { 201: null } })
  make(@Body() body: MakeFaulty) {
    return body;
  }
}

@Module({ controllers: [Faulty] })
class FaultyModule {}

class MakeWell {
  @IsString()
  name!: string;
}

@Controller()
class Misleading {
  @Post('/misleading')
  @Operation({ summary: 'Make', tag: 'Misleading', body: MakeWell, example: { nome: 'x' }, answers: { 201: null } })
  make(@Body() body: MakeWell) {
    return body;
  }
}

@Module({ controllers: [Misleading] })
class MisleadingModule {}

// Guarantees that no example of the document is one that we refuse.
it('a service whose example does not fit does not start', async () => {
  await expect(openThings({ module: MisleadingModule })).rejects.toThrow('2 fields are invalid');
});

// Guarantees that whoever starts a service with a faulty contract learns of it, instead of the first caller.
it('a service whose contract refers to nothing does not start', async () => {
  await expect(openThings({ module: FaultyModule })).rejects.toThrow('Nowhere has no fields with validators');
});
