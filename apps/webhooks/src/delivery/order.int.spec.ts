import fc from 'fast-check';
import { newId } from '@works/platform/ids';
import { aCaller, eventually } from '@works/platform/testing';
import { receiver } from '../webhooks-service.examples';
import type { Leased } from './attempt';
import { fanOut } from './fan-out';
import { claimDueDeliveries, endLeases, recordAttempts, type NewEvent } from './statements';
import { aNewEvent, anOutcome, aWorker, deliveryDatabase, takingNothing } from './workers.examples';

type Step =
  | { do: 'happen'; projects: number[] }
  | { do: 'claim'; worker: number }
  | { do: 'end'; pick: number; as: 'delivered' | 'failed' | 'dead' }
  | { do: 'lose'; pick: number };

describe('order within a project', () => {
  let database: Awaited<ReturnType<typeof deliveryDatabase>>;

  beforeAll(async () => {
    database = await deliveryDatabase();
  });
  afterAll(() => database.drop());

  const inProject = (event: NewEvent, projectId: string | null): NewEvent => ({ ...event, projectId });
  const claim = async (leaseToken = newId('wrk')) =>
    (
      await claimDueDeliveries(database.workers, {
        leaseToken,
        leaseSeconds: 30,
        organizationMax: 96,
        first: 100,
        retries: 100,
        replays: 0,
      })
    ).leased;
  const end = (leased: Leased, as: 'delivered' | 'failed' | 'dead') => {
    const outcome = anOutcome(as === 'delivered' ? 200 : 500);
    const number = Math.min(8, leased.attemptsMade + 1);
    return recordAttempts(
      database.workers,
      [
        {
          ...{ attemptId: newId('att'), leased, number, outcome },
          // Its next attempt is due at once: the schedule is a matter of other specs.
          status: as === 'failed' ? 'pending' : as,
          nextAttemptAt: as === 'failed' ? new Date() : null,
        },
      ],
      3_600,
    );
  };

  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constant('happen' as const), projects: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 6 }) }),
    fc.record({ do: fc.constant('claim' as const), worker: fc.nat({ max: 1 }) }),
    fc.record({
      do: fc.constant('end' as const),
      pick: fc.nat({ max: 9 }),
      as: fc.constantFrom('delivered', 'delivered', 'failed', 'dead'),
    }),
    fc.record({ do: fc.constant('lose' as const), pick: fc.nat({ max: 9 }) }),
  );

  // Two workers, attempts that fail and die, leases that are lost, and news in between: whatever is in hand is the first of its project that has not ended.
  it('is kept whatever fails and whoever takes over', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 50 }), async (steps) => {
        const caller = aCaller();
        const endpoint = await database.endpoint(caller, 'https://orderly.example/', { ordering: 'project' });
        const projects = [newId('prj'), newId('prj'), newId('prj')];
        const projectOf = new Map<string, string>();
        const waiting = new Map<string, string[]>(projects.map((project) => [project, []]));
        const deadBefore = new Map<string, string>();
        const inHand: Leased[] = [];

        const check = (leased: readonly Leased[]) => {
          for (const { eventId, deliveryId, passed } of leased) {
            const project = projectOf.get(eventId)!;
            expect(waiting.get(project)![0]).toBe(eventId);
            expect(inHand.filter((other) => projectOf.get(other.eventId) === project)).toEqual([]);
            expect([deliveryId, passed]).toEqual([deliveryId, deadBefore.get(project) ?? null]);
          }
          inHand.push(...leased);
        };
        const take = (pick: number): Leased | undefined => inHand.splice(pick % Math.max(1, inHand.length), 1)[0];
        const finish = async (leased: Leased, as: 'delivered' | 'failed' | 'dead') => {
          await end(leased, as);
          if (as === 'failed') return;
          const project = projectOf.get(leased.eventId)!;
          waiting.get(project)!.shift();
          if (as === 'dead') deadBefore.set(project, leased.deliveryId);
          else deadBefore.delete(project);
        };

        for (const now of steps) {
          switch (now.do) {
            case 'happen': {
              const events = now.projects.map((project) => inProject(aNewEvent(caller), projects[project]!));
              for (const { id, projectId } of events) {
                projectOf.set(id, projectId!);
                waiting.get(projectId!)!.push(id);
              }
              check((await fanOut(database.workers, events, { ...takingNothing(), capacity: events.length % 2 ? 10 : 0 })).leased);
              break;
            }
            case 'claim':
              check(await claim());
              break;
            case 'end': {
              const leased = take(now.pick);
              if (leased) await finish(leased, now.as);
              break;
            }
            case 'lose': {
              const leased = take(now.pick);
              if (!leased) break;
              await database.owner.query('update deliveries set due_at = now() where id = $1', [leased.deliveryId]);
              await endLeases(database.workers);
              // Too late: somebody else may have it.
              expect((await end(leased, 'delivered')).recorded).toBe(0);
              break;
            }
          }
        }
        // Nothing is stuck: with everything answered, everything arrives.
        for (;;) {
          check(await claim());
          const [leased] = inHand.splice(0, 1);
          if (leased === undefined) break;
          await finish(leased, 'delivered');
        }
        expect([...waiting.values()].flat()).toEqual([]);
        expect((await database.deliveries(endpoint)).filter(({ status }) => status === 'pending')).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  // The end of one and the arrival of the next at the same moment: one of the two must see the other.
  it('leaves nothing waiting when an end and an arrival meet', async () => {
    const caller = aCaller();
    const endpoint = await database.endpoint(caller, 'https://meeting.example/', { ordering: 'project' });
    const project = newId('prj');
    for (let round = 0; round < 15; round++) {
      await fanOut(database.workers, [inProject(aNewEvent(caller), project)], takingNothing());
      const [leased] = await claim();
      await Promise.all([end(leased!, 'delivered'), fanOut(database.workers, [inProject(aNewEvent(caller), project)], takingNothing())]);
      const [next] = await claim();
      expect(next).toBeDefined();
      await end(next!, 'delivered');
    }
    expect((await database.deliveries(endpoint)).filter(({ status }) => status === 'pending')).toEqual([]);
  });

  it('goes by the subject of events that have no project', async () => {
    const caller = aCaller();
    await database.endpoint(caller, 'https://subjects.example/', { ordering: 'project' });
    const [one, other] = [aNewEvent(caller), aNewEvent(caller)];
    const { leased } = await fanOut(database.workers, [one, { ...aNewEvent(caller), subject: one.subject }, other], {
      ...takingNothing(),
      capacity: 10,
    });
    expect(leased.map(({ eventId }) => eventId)).toEqual([one.id, other.id]);
  });

  // As a receiver sees it: while one project is being retried, the others go on.
  it('makes nobody else wait', async () => {
    const caller = aCaller();
    const [stuck, free] = [newId('prj'), newId('prj')];
    let refusals = 1;
    const target = await receiver((arrival, response) => {
      const refused = arrival.body.includes(stuck) && refusals-- > 0;
      response.writeHead(refused ? 500 : 200).end();
    });
    await database.endpoint(caller, target.url, { ordering: 'project' });
    const worker = aWorker(database.workers);
    worker.start();
    const about = (projectId: string): NewEvent => {
      const event = aNewEvent(caller);
      return { ...event, projectId, after: event.after.replace('"project_id":null', `"project_id":"${projectId}"`) };
    };
    const events = [stuck, stuck, free, free, stuck, free].map(about);
    await worker.fanOut(events);
    const arrivedOf = (project: string) =>
      target.arrivals.filter(({ body }) => body.includes(project)).map(({ headers }) => headers['webhook-sequence']);
    await eventually(() => expect(arrivedOf(free)).toEqual(['3', '4', '6']));
    expect(arrivedOf(stuck)).toEqual(['1']);
    await eventually(() => expect(arrivedOf(stuck)).toEqual(['1', '1', '2', '5']));
    await worker.stop();
    await target.close();
  });
});
