import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DomainEvent } from '../decider';
import { readEvent, storedType, type Aggregate } from '../event-store';

/** One stored event as it shipped. */
export interface Golden<State> {
  /** The first 12 hex digits of the SHA-256 of the sample's file: what has shipped stays as it is. */
  readonly checksum: string;
  /** What the state must hold after it. */
  readonly means: Partial<Record<State extends unknown ? keyof State : never, unknown>>;
}

/** For every event type the samples of its versions, the first version first. The compiler names a type that has none. */
export type GoldenSamples<State, Event extends DomainEvent> = Readonly<Record<Event['type'], readonly [Golden<State>, ...Golden<State>[]]>>;

/** Guarantees that today's code reads what any earlier one has stored. Samples are `<type>.<version>.json` in `folder`: the row's `data`. */
export function describeGoldenSamples<State, Event extends DomainEvent>(
  folder: string,
  aggregate: Aggregate<State, Event>,
  first: Event['type'],
  samples: GoldenSamples<State, Event>,
): void {
  const types = Object.keys(samples) as Event['type'][];
  const text = (type: string, version: number) => readFileSync(join(folder, `${type}.${version}.json`), 'utf8');
  const stored = (type: Event['type'], version: number) => ({
    type: version === 1 ? type : `${type}.${version}`,
    data: JSON.parse(text(type, version)) as unknown,
  });
  const cases = types.flatMap((type) => samples[type].map((golden, index) => ({ type, version: index + 1, ...golden })));

  it.each(cases)('$type, version $version, is the sample that shipped', ({ type, version, checksum }) => {
    expect(createHash('sha256').update(text(type, version)).digest('hex').slice(0, 12)).toBe(checksum);
  });
  it.each(cases)('$type, version $version, means what it meant', ({ type, version, means }) => {
    const before = type === first ? null : aggregate.evolve(null, readEvent(aggregate, stored(first, 1)));
    expect(aggregate.evolve(before, readEvent(aggregate, stored(type, version)))).toMatchObject(means);
  });
  it.each(types)('%s has a sample of each of its versions', (type) => {
    const count = samples[type].length;
    expect(storedType(aggregate, type)).toBe(count === 1 ? type : `${type}.${count}`);
    const kept = readdirSync(folder).filter((file) => file.replace(/\.\d+\.json$/, '') === type);
    expect(kept.sort()).toEqual(samples[type].map((_, index) => `${type}.${index + 1}.json`).sort());
  });
}
