import { Body, Controller, Delete, Get, Patch, Post, Query } from '@nestjs/common';
import { IsInt, IsString } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import type { CommandRequest } from '../event-store';
import { Command, IdParam } from '../http';
import { PLATFORM_PROBLEMS } from '../problems';
import { contractSchemas, hasSchema, listOf, openApiParts, Operation, RequireScope, schemaOf } from '.';

const optional = { 'x-presence': 'optional' } as object;

class Part {
  @IsString()
  label!: string;
}

class Widget {
  @IsString()
  id!: string;
  @IsInt()
  version!: number;
  @JSONSchema({ $ref: '#/components/schemas/Part' })
  @IsString()
  part!: Part;
}

class NewWidget {
  @IsString()
  label!: string;
}

class AddPart {
  @IsString()
  @JSONSchema({ enum: ['add'] })
  op!: 'add';
}

class DropPart {
  @IsString()
  @JSONSchema({ enum: ['drop'] })
  op!: 'drop';
}

class PartsQuery {
  @JSONSchema({ type: 'object', description: 'With these notes.', ...optional })
  @IsString()
  notes?: Record<string, string>;
}

class ChangeParts {
  @JSONSchema({
    oneOf: [{ $ref: '#/components/schemas/AddPart' }, { $ref: '#/components/schemas/DropPart' }],
    discriminator: { propertyName: 'op' },
  })
  @IsString()
  change!: AddPart | DropPart;
}

@Controller()
class ChangePartsOfWidget {
  @Post('/parts')
  @Operation({ summary: 'Change parts', tag: 'Widgets', body: ChangeParts, query: PartsQuery, answers: { 200: Part } })
  run() {
    return {};
  }
}

class WidgetQuery {
  @IsString()
  @JSONSchema({ description: 'Only these.', ...optional })
  label?: string;
  @IsString()
  @JSONSchema({ ...optional })
  cursor?: string;
}

class RehearsalQuery {
  @IsString()
  mode!: string;
}

@Controller('shop')
class Widgets {
  @Post('widgets')
  @RequireScope('widgets:write')
  @Operation({
    summary: 'Make a widget',
    description: 'Of anything.',
    tag: 'Widgets',
    body: NewWidget,
    example: { label: 'A lamp' },
    query: RehearsalQuery,
    answers: { 201: Widget },
    refuses: ['contended'],
  })
  makeWidget(@Body() body: NewWidget, @Query() query: RehearsalQuery) {
    return { body, query };
  }

  @Get('widgets')
  @Operation({ summary: 'List widgets', tag: 'Widgets', query: WidgetQuery, answers: { 200: listOf(Widget) } })
  listWidgets(@Query() query: WidgetQuery) {
    return query;
  }

  @Get('widgets/:id')
  @Operation({ summary: 'Find a widget', tag: 'Widgets', answers: { 200: Widget } })
  findWidget(@IdParam('id', 'wdg') id: string) {
    return id;
  }

  @Patch('widgets/:id')
  @Operation({ summary: 'Change a widget', tag: 'Widgets', body: WidgetQuery, answers: { 200: Widget } })
  changeWidget(@IdParam('id', 'wdg') id: string, @Command() request: CommandRequest) {
    return { id, request };
  }

  @Get('undocumented')
  inner() {
    return {};
  }
}

@Controller()
class DropWidget {
  @Delete('/shop/widgets/:id/parts/:key')
  @Operation({ summary: 'Drop a part', tag: 'Widgets', answers: { 204: null } })
  run(@IdParam('id', 'wdg') id: string) {
    return id;
  }
}

describe('the OpenAPI document of a service', () => {
  const { paths, schemas }: any = openApiParts({ service: 'shop', controllers: [Widgets, DropWidget], catalogue: PLATFORM_PROBLEMS });
  const make = paths['/shop/widgets'].post;
  const find = paths['/shop/widgets/{id}'].get;
  const change = paths['/shop/widgets/{id}'].patch;
  const codesOf = (operation: any): string[] =>
    Object.values<any>(operation.responses).flatMap(
      ({ content }) => content?.['application/problem+json']?.schema.allOf[1].properties.code.enum ?? [],
    );
  const refs = (list: any[]) => list.filter(({ $ref }) => $ref).map(({ $ref }) => $ref.split('/').at(-1));

  it('has every route that is described, with its service and its scope', () => {
    expect(Object.entries<object>(paths).map(([path, methods]) => [path, Object.keys(methods).sort()])).toEqual([
      ['/shop/widgets', ['get', 'post']],
      ['/shop/widgets/{id}', ['get', 'patch']],
      ['/shop/widgets/{id}/parts/{key}', ['delete']],
    ]);
    expect(make).toMatchObject({
      operationId: 'makeWidget',
      tags: ['Widgets'],
      summary: 'Make a widget',
      description: 'Of anything.',
      'x-service': 'shop',
      'x-scope': 'widgets:write',
    });
    expect(find['x-scope']).toBeUndefined();
  });

  it('names an operation after its method, or after its controller where that does one thing', () => {
    expect(paths['/shop/widgets/{id}/parts/{key}'].delete.operationId).toBe('dropWidget');
  });

  it('shows the very schemas that requests are held against, and what those refer to', () => {
    expect(Object.keys(schemas)).toEqual(['NewWidget', 'Part', 'Widget', 'WidgetQuery', 'WidgetList']);
    expect(schemas.NewWidget).toBe(schemaOf(NewWidget));
    expect(schemas.WidgetList.properties.data.items).toEqual({ $ref: '#/components/schemas/Widget' });
    expect(make.requestBody).toEqual({
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/NewWidget' }, example: { label: 'A lamp' } } },
    });
    expect(change.requestBody.required).toBe(false);
  });

  it('describes parameters: the form of ids, what a query takes, and the headers', () => {
    expect(find.parameters[0]).toMatchObject({
      name: 'id',
      in: 'path',
      required: true,
      schema: { pattern: expect.stringMatching(/^\^wdg_/) },
    });
    expect(paths['/shop/widgets'].get.parameters[0]).toEqual({
      name: 'label',
      in: 'query',
      required: false,
      description: 'Only these.',
      schema: { type: 'string' },
    });
    expect(make.parameters[0]).toMatchObject({ name: 'mode', required: true });
    expect([refs(make.parameters), refs(change.parameters), refs(find.parameters)]).toEqual([
      ['IdempotencyKey', 'WorksPosition'],
      ['IdempotencyKey', 'IfMatch', 'WorksPosition'],
      ['WorksPosition'],
    ]);
  });

  it('says how the members of a parameter are written, and which value stands for which schema', () => {
    const parts: any = openApiParts({ service: 'shop', controllers: [ChangePartsOfWidget], catalogue: PLATFORM_PROBLEMS });
    expect(parts.paths['/parts'].post.parameters[0]).toMatchObject({ name: 'notes', in: 'query', style: 'deepObject', explode: true });
    expect(parts.schemas.ChangeParts.properties.change.discriminator).toEqual({
      propertyName: 'op',
      mapping: { add: '#/components/schemas/AddPart', drop: '#/components/schemas/DropPart' },
    });
    expect([AddPart, DropPart].map((of) => parts.schemas[of.name])).toEqual([schemaOf(AddPart), schemaOf(DropPart)]);
  });

  it('describes the headers of answers', () => {
    expect(Object.keys(make.responses['201'].headers)).toEqual(['Request-Id', 'Works-Position', 'Idempotent-Replayed', 'Location', 'ETag']);
    expect(Object.keys(find.responses['200'].headers)).toEqual(['Request-Id', 'Works-As-Of', 'ETag']);
    expect(Object.keys(paths['/shop/widgets'].get.responses['200'].headers)).toEqual(['Request-Id', 'Works-As-Of']);
    expect(Object.keys(find.responses['503'].headers)).toEqual(['Request-Id', 'Retry-After']);
    // A refusal by the rules is remembered, as a success is.
    const remembered = ['Request-Id', 'Retry-After', 'Works-Position', 'Idempotent-Replayed'];
    expect(Object.keys(make.responses['409'].headers)).toEqual(remembered);
    expect(Object.keys(find.responses['422'].headers)).toEqual(['Request-Id']);
  });

  it('lists every refusal under its status, and none that cannot happen', () => {
    expect(codesOf(find).sort()).toEqual([
      'internal_error',
      'invalid_header',
      'not_caught_up',
      'not_found',
      'scope_missing',
      'unauthenticated',
      'unavailable',
      'validation_failed',
    ]);
    expect(codesOf(paths['/shop/widgets'].get)).toEqual(expect.arrayContaining(['cursor_invalid', 'cursor_mismatch', 'validation_failed']));
    expect(codesOf(make)).toEqual(expect.arrayContaining(['idempotency_key_reused', 'contended', 'event_too_large', 'validation_failed']));
    expect(codesOf(make).filter((code) => /cursor|not_found|version/.test(code))).toEqual([]);
    expect(codesOf(change)).toEqual(expect.arrayContaining(['version_conflict', 'not_found']));
    for (const [status, { content }] of Object.entries<any>(make.responses)) {
      for (const code of content?.['application/problem+json']?.schema.allOf[1].properties.code.enum ?? []) {
        expect([code, PLATFORM_PROBLEMS[code as 'contended'].status]).toEqual([code, Number(status)]);
      }
    }
  });

  it('has If-Match where there is a version to match without an id in the path', () => {
    class Wind {
      run() {}
    }
    const descriptor = Object.getOwnPropertyDescriptor(Wind.prototype, 'run')!;
    Post('/clock/wind')(Wind.prototype, 'run', descriptor);
    Operation({ summary: 'Wind', tag: 'Clock', answers: { 200: null }, refuses: ['version_conflict'] })(Wind.prototype, 'run', descriptor);
    const { paths }: any = openApiParts({ service: 'shop', controllers: [Wind], catalogue: PLATFORM_PROBLEMS });
    expect(paths['/clock/wind'].post.parameters).toContainEqual({ $ref: '#/components/parameters/IfMatch' });
    expect(Object.keys(paths['/clock/wind'].post.responses)).toContain('412');
  });

  it('refuses a code that is not in the closed list', () => {
    class Odd {
      run() {}
    }
    const descriptor = Object.getOwnPropertyDescriptor(Odd.prototype, 'run')!;
    Get('/odd')(Odd.prototype, 'run', descriptor);
    Operation({ summary: 'Odd', tag: 'Odd', answers: { 200: null }, refuses: ['invented'] })(Odd.prototype, 'run', descriptor);
    expect(() => openApiParts({ service: 'shop', controllers: [Odd], catalogue: PLATFORM_PROBLEMS })).toThrow('invented');
  });
});

describe('the schemas', () => {
  it('know classes without fields for what they are', () => {
    class Bare {}
    expect([hasSchema(Bare), hasSchema(Object), hasSchema(undefined), hasSchema(Widget)]).toEqual([false, false, false, true]);
    expect(() => schemaOf(Bare)).toThrow('Bare has no fields');
  });

  it('find classes that were loaded after the first look', () => {
    contractSchemas();
    class Late {
      label!: string;
    }
    IsString()(Late.prototype, 'label');
    expect(schemaOf(Late)).toMatchObject({ properties: { label: { type: 'string' } }, required: ['label'] });
  });

  // One schema with the fields of both would accept what neither does.
  it('refuse two classes of one name', () => {
    const namesake = () => {
      class Twin {}
      return Twin;
    };
    IsString()(namesake().prototype, 'one');
    IsString()(namesake().prototype, 'other');
    class Looked {}
    expect(() => hasSchema(Looked)).toThrow('Two classes with validators are called Twin');
  });
});
