import type { Caller } from '../caller';
import type { LogMessage } from '../event-log';
import { eventually } from '../testing';
import { CaughtUp, type FactsQuestion, type SourceFacts } from './caught-up';
import type { Concern } from './coverage';
import type { PositionsByService } from './positions';

const callerOf = (organizationId: string, id = 'key_1'): Caller => ({
  organizationId,
  livemode: true,
  actor: { type: 'api_key', id },
  scopes: [],
  timeZone: 'UTC',
});
const ACME = callerOf('org_acme');
const GLOBEX = callerOf('org_globex');
const NAMED: Concern = { keys: ['prj_1'], everything: false };
const LIST: Concern = { keys: [], everything: true };

const EPOCH = 'e0000001';
const message = (id: string): LogMessage => ({ topic: 'note.written', key: 'prj_1', value: '{}', headers: { ce_id: id } });

/** A source that answers what the test says, and a group that has handled the log only when the test says so. */
function scene({ waitMs = 60_000 } = {}) {
  const asked: { caller: Caller; question: FactsQuestion }[] = [];
  const handled: string[] = [];
  const source = { away: false, known: true, settled: 100n, published: 0n, pages: [[]] as LogMessage[][] };
  let letHandle!: () => void;
  const log = new Promise<void>((resolve) => (letHandle = resolve));
  const caughtUp = new CaughtUp({
    service: 'tasks',
    sources: ['projects'],
    facts: (_source, caller, question): Promise<SourceFacts> => {
      asked.push({ caller, question });
      if (source.away) return Promise.reject(new Error('connect ECONNREFUSED'));
      const page = source.pages.shift() ?? [];
      const { settled, published, known } = source;
      const standing = question.through === 'now' ? [] : question.through.map(({ at }) => (known ? at : null));
      return Promise.resolve({
        epoch: EPOCH,
        settled,
        published,
        messages: page,
        standing,
        next: source.pages.length > 0 ? { epoch: EPOCH, at: BigInt(asked.length) } : null,
      });
    },
    progress: () => Promise.resolve({ epoch: EPOCH, settled: source.settled, published: source.published }),
    handle: (messages) => {
      handled.push(...messages.map(({ headers }) => headers['ce_id']!));
      return Promise.resolve();
    },
    allHandled: () => log,
    isKnown: ({ at }) => Promise.resolve(at <= 9n),
    waitMs,
  });
  return { caughtUp, source, asked, handled, letHandle };
}

const at = (position: bigint, { claimed = false, epoch = EPOCH, service = 'projects' } = {}): PositionsByService =>
  new Map([[service, [{ epoch, at: position, claimed }]]]);

describe('reading your own writes', () => {
  it('asks nobody about positions of its own or of services it does not consume', async () => {
    const { caughtUp, asked } = scene();
    await caughtUp.wait(ACME, new Map([...at(9n, { service: 'tasks' }), ...at(9n, { service: 'webhooks' })]), LIST);
    await caughtUp.wait(ACME, new Map(), LIST);
    expect(asked).toEqual([]);
  });

  it('handles what its project has to tell, page by page, before the log brings it', async () => {
    const { caughtUp, source, asked, handled } = scene();
    source.pages = [[message('evt_1'), message('evt_2')], [message('evt_3')]];
    await caughtUp.wait(ACME, at(5n), NAMED);
    expect(handled).toEqual(['evt_1', 'evt_2', 'evt_3']);
    expect(asked.map(({ question: { keys, own } }) => [keys, own])).toEqual([
      [['prj_1'], false],
      [['prj_1'], false],
    ]);
    expect(asked[1]!.question.after).toEqual({ epoch: EPOCH, at: 1n });
  });

  it('asks for what its caller wrote where it names nothing, and for everybody where the client claims a position', async () => {
    const { caughtUp, asked } = scene();
    await caughtUp.wait(ACME, at(5n), LIST);
    await caughtUp.wait(ACME, at(6n, { claimed: true }), LIST);
    expect(asked.map(({ question: { keys, own } }) => [keys, own])).toEqual([
      [[], true],
      [null, false],
    ]);
  });

  it('answers from memory once a position is handled', async () => {
    const { caughtUp, asked } = scene();
    await caughtUp.wait(ACME, at(7n), NAMED);
    await caughtUp.wait(ACME, at(7n), NAMED);
    await caughtUp.wait(ACME, at(4n), NAMED);
    expect(asked).toHaveLength(1);
    // What its caller wrote is in, whatever that was about.
    await caughtUp.wait(ACME, at(8n), LIST);
    await caughtUp.wait(ACME, at(8n), NAMED);
    expect(asked).toHaveLength(2);
  });

  it('remembers it for a tenant, an epoch, and what was asked for alone', async () => {
    const { caughtUp, asked } = scene();
    await caughtUp.wait(ACME, at(7n), NAMED);
    await caughtUp.wait(GLOBEX, at(5n), NAMED);
    await caughtUp.wait(ACME, at(5n, { epoch: 'e0000002' }), NAMED);
    await caughtUp.wait(ACME, at(5n), { keys: ['prj_2'], everything: false });
    await caughtUp.wait(ACME, at(5n), LIST);
    await caughtUp.wait(callerOf('org_acme', 'key_2'), at(5n), LIST);
    expect(asked).toHaveLength(6);
  });

  // A write that draws its position early and commits late is answered after others that lie beyond it.
  it('remembers nothing beyond what was settled', async () => {
    const { caughtUp, source, asked } = scene();
    source.settled = 6n;
    await caughtUp.wait(ACME, at(7n), NAMED);
    await caughtUp.wait(ACME, at(7n), NAMED);
    expect(asked).toHaveLength(2);
    await caughtUp.wait(ACME, at(6n), NAMED);
    expect(asked).toHaveLength(2);
  });

  it('knows that everything of everybody is in once the group has handled what was published', async () => {
    const { caughtUp, source, asked, letHandle } = scene();
    source.published = 50n;
    await caughtUp.wait(ACME, at(7n), NAMED);
    expect(caughtUp.asOf()).toBe('');
    letHandle();
    await eventually(() => expect(caughtUp.asOf()).toBe(`projects:${EPOCH}.50`));
    await caughtUp.wait(GLOBEX, at(50n, { claimed: true }), LIST);
    expect(asked).toHaveLength(1);
    await caughtUp.wait(GLOBEX, at(51n), LIST);
    expect(asked[1]!.question.after).toEqual({ epoch: EPOCH, at: 50n });
  });

  it('shares what is fetched among those who came before it began', async () => {
    const { caughtUp, asked } = scene();
    await Promise.all(Array.from({ length: 50 }, (_, index) => caughtUp.wait(ACME, at(BigInt(index + 1)), NAMED)));
    expect(asked).toHaveLength(2);
  });

  describe('while the owner is away', () => {
    it('refuses what names a project, with words that say to try again', async () => {
      const { caughtUp, source } = scene({ waitMs: 50 });
      source.away = true;
      await expect(caughtUp.wait(ACME, at(5n), NAMED)).rejects.toMatchObject({ code: 'not_caught_up', headers: { 'retry-after': '1' } });
    });

    it('goes on as soon as it is back', async () => {
      const { caughtUp, source, asked } = scene();
      source.away = true;
      const waiting = caughtUp.wait(ACME, at(5n), NAMED);
      await eventually(() => expect(asked.length).toBeGreaterThan(1));
      source.away = false;
      await waiting;
    });

    it('has a list answered as it stands, unless its client claims a position', async () => {
      const { caughtUp, source } = scene({ waitMs: 50 });
      source.away = true;
      await caughtUp.wait(ACME, at(5n), LIST);
      await expect(caughtUp.wait(ACME, at(5n, { claimed: true }), LIST)).rejects.toMatchObject({ code: 'not_caught_up' });
    });
  });

  it('refuses at once what a client claims and no answer can have carried', async () => {
    const { caughtUp, source } = scene();
    source.known = false;
    await expect(caughtUp.wait(ACME, at(5n, { claimed: true }), NAMED)).rejects.toMatchObject({ code: 'invalid_header' });
    await expect(caughtUp.refuseUnknown(at(10n, { claimed: true, service: 'tasks' }))).rejects.toMatchObject({ code: 'invalid_header' });
    await expect(caughtUp.refuseUnknown(at(9n, { claimed: true, service: 'tasks' }))).resolves.toBeUndefined();
  });

  // The gateway remembers positions of a history that a restore has ended: whoever sent none is refused for none.
  it('takes as handled what only we remember and the source does not know', async () => {
    const { caughtUp, source, asked } = scene();
    source.known = false;
    await caughtUp.wait(ACME, at(500n), NAMED);
    await caughtUp.wait(ACME, at(500n), NAMED);
    await caughtUp.refuseUnknown(at(10n, { service: 'tasks' }));
    expect(asked).toHaveLength(1);
  });
});
