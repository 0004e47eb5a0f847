import Ajv2020 from 'ajv/dist/2020';
import { contractSchemas, schemasWithin } from '@works/platform/openapi';
import '../lists';
import '../milestones';
import '../projects';
import '../queues';
import '../tasks';
import '../webhooks';

const schemas = contractSchemas();
const names = Object.keys(schemas);

/** Every schema in a schema, itself included. */
function within(schema: unknown): Record<string, unknown>[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return [...(Array.isArray(schema) ? [] : [schema as Record<string, unknown>]), ...Object.values(schema).flatMap(within)];
}

// A service does not check its schemas at start, because that costs time and memory: here they are checked once, for all.
describe('the schemas of the contract', () => {
  const ajv = new Ajv2020({ strict: false });

  it('are there', () => {
    expect(names).toEqual(
      expect.arrayContaining(['CreateTaskBody', 'Task', 'Project', 'Milestone', 'Queue', 'WebhookEndpoint', 'Event', 'PageQuery']),
    );
  });

  it.each(names)('%s is valid JSON Schema 2020-12, closed, and refers only to what exists', (name) => {
    const schema = schemas[name]!;
    expect([ajv.validateSchema(schema), ajv.errors]).toEqual([true, null]);
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
    expect(() => schemasWithin([name])).not.toThrow();
    expect(JSON.stringify(schema)).not.toContain('x-presence');
  });

  // Answers have every field; only requests may leave one out.
  it.each(names.filter((name) => 'object' in (schemas[name]!['properties'] as object)))('%s, an answer, has every field', (name) => {
    const { properties, required } = schemas[name] as { properties: object; required: string[] };
    const expandable = ['milestones', 'tasks'];
    expect(Object.keys(properties).filter((field) => !required.includes(field) && !expandable.includes(field))).toEqual([]);
  });

  it.each(names)('%s has examples that fulfil their own field', (name) => {
    for (const { examples, ...field } of within(schemas[name])) {
      if (!Array.isArray(examples) || !('type' in field)) continue;
      const valid = new Ajv2020({ strict: false, validateFormats: false }).compile({ ...field, components: { schemas } });
      for (const example of examples) expect([example, valid(example)]).toEqual([example, true]);
    }
  });
});
