import fc from 'fast-check';
import { parsePositions, type Position } from '@works/platform/caught-up';
import { aCaller } from '@works/platform/testing';
import { SeenPositions } from './seen-positions';

/** Few keys are remembered, so that most are forgotten at some time. */
const KEYS_MAX = 2;
const CALLERS = Array.from({ length: 5 }, () => aCaller());
const SERVICES = ['projects', 'tasks'] as const;
type Service = (typeof SERVICES)[number];

const epochOf = (ordinal: number) => `e${String(ordinal).padStart(7, '0')}`;
const service = fc.constantFrom(...SERVICES);

/** What happens to a gateway and its services; positions grow, unless a restore begins an epoch. */
const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('write' as const),
        service,
        by: fc.nat(CALLERS.length - 1),
        through: fc.constantFrom('this', 'other'),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('stranger' as const), service }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const), service, back: fc.nat(5) }) },
    // An answer from before, or a note of another gateway, that comes late.
    { weight: 2, arbitrary: fc.record({ do: fc.constant('again' as const), nth: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('begin' as const), service }) },
  ),
  { maxLength: 50, size: 'max' },
);

describe('what a key has seen', () => {
  // Guarantees that a key reads no older than it wrote, whatever was forgotten, came late, or was lost in a restore, and that nothing is made up.
  it('is at least what it has written in the present epoch, and no more than the service has come to', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const positions = new SeenPositions(KEYS_MAX);
        const at = new Map<Service, { epoch: number; at: number }>(SERVICES.map((name) => [name, { epoch: 0, at: 100 }]));
        const written: { by: number; service: Service; epoch: number; at: number; through: string }[] = [];
        const tell = ({ by, service: of, epoch, at: position, through }: (typeof written)[number]) => {
          const header = `${of}:${epochOf(epoch)}.${position}`;
          const { organizationId, livemode, actor } = CALLERS[by]!;
          if (through === 'this') positions.note(CALLERS[by]!, header);
          else positions.hear(`${organizationId} ${livemode} ${actor.id}`, header);
        };
        const begin = (of: Service) => {
          const now = at.get(of)!;
          positions.begin(of, { epoch: epochOf(now.epoch), at: BigInt(now.at), claimed: false });
        };
        for (const of of SERVICES) begin(of);
        for (const step of all) {
          if (step.do === 'write') {
            const now = at.get(step.service)!;
            now.at += 1;
            written.push({ by: step.by, service: step.service, ...now, through: step.through });
            tell(written.at(-1)!);
          } else if (step.do === 'stranger') at.get(step.service)!.at += 1;
          else if (step.do === 'restore') {
            const now = at.get(step.service)!;
            at.set(step.service, { epoch: now.epoch + 1, at: now.at - step.back });
          } else if (step.do === 'begin') begin(step.service);
          else if (written[step.nth] !== undefined) tell(written[step.nth]!);

          CALLERS.forEach((caller, by) => {
            const seen = parsePositions(positions.of(caller), false)!;
            for (const of of SERVICES) {
              const [{ epoch, at: position }] = seen.get(of) as [Position];
              const now = at.get(of)!;
              const own = written.filter((one) => one.by === by && one.service === of && one.epoch === now.epoch).map((one) => one.at);
              if (own.length > 0) expect([epoch, position >= BigInt(Math.max(...own))]).toEqual([epochOf(now.epoch), true]);
              if (epoch === epochOf(now.epoch)) expect(Number(position)).toBeLessThanOrEqual(now.at);
            }
          });
        }
      }),
    );
  });

  it('is its own, as long as it is remembered', () => {
    const positions = new SeenPositions(KEYS_MAX);
    positions.begin('tasks', { epoch: 'e1111111', at: 7n, claimed: false });
    positions.note(CALLERS[0]!, 'tasks:e1111111.9');
    expect([positions.of(CALLERS[0]!), positions.of(CALLERS[1]!)]).toEqual(['tasks:e1111111.9', 'tasks:e1111111.7']);
    for (const caller of CALLERS.slice(1, 3)) positions.note(caller, 'tasks:e1111111.8');
    expect(positions.of(CALLERS[4]!)).toBe('tasks:e1111111.9');
  });

  it('is told to others once for each news', () => {
    const told: string[] = [];
    const positions = new SeenPositions();
    positions.whenNoted((_, all) => told.push([...all.keys()].join()));
    positions.note(CALLERS[0]!, 'tasks:e1111111.9');
    positions.note(CALLERS[0]!, 'tasks:e1111111.9');
    positions.note(CALLERS[0]!, 'tasks:e1111111.8,projects:e1111111.1');
    positions.hear('another', 'tasks:e1111111.10');
    expect([told, positions.ofAll()]).toEqual([['tasks', 'tasks,projects'], 'tasks:e1111111.10,projects:e1111111.1']);
  });
});
