import { createServer, type AddressInfo, type Socket } from 'node:net';
import { newId } from '@works/platform/ids';
import { Billing, type DraftRequest } from './billing';
import { answer, answering, BILLING_KEYS, BillingServer, draftingInSilence, hanging, type Behaviour } from './billing-server.examples';

const DEADLINE_MS = 1_000;
const request = (overrides: Partial<DraftRequest> = {}): DraftRequest => ({
  idempotencyKey: newId('evt'),
  organizationId: newId('org'),
  livemode: true,
  contactId: newId('ctc'),
  bills: { items: [{ catalog_item_id: newId('itm'), qty: 2.5 }], due_in_days: 14 },
  ...overrides,
});

describe('asking SK Billing for a draft', () => {
  let server: BillingServer;
  let billing: Billing;

  beforeAll(async () => {
    server = await BillingServer.listen();
    billing = new Billing({ url: server.url, keys: BILLING_KEYS, deadlineMs: DEADLINE_MS });
  });
  afterAll(async () => {
    await billing.close();
    await server.close();
  });

  it('keeps its contract to the letter, and answers the id', async () => {
    const asked = request();
    const { idempotencyKey: key, organizationId, contactId: contact_id, bills } = asked;
    expect(await billing.draft(asked)).toEqual({ outcome: 'drafted', invoiceId: server.drafts.at(-1)!.id });
    expect(server.drafts.at(-1)).toEqual({ id: expect.any(String), key, organizationId, livemode: true, contact_id, ...bills });
    expect(server.complaints).toEqual([]);
  });

  it('uses the key of the mode, and none at all where test mode has none', async () => {
    await billing.draft(request({ livemode: false }));
    expect(server.drafts.at(-1)!.livemode).toBe(false);
    const liveOnly = new Billing({ url: server.url, keys: { live: BILLING_KEYS.live, test: null } });
    const calls = server.calls.length;
    expect([liveOnly.modes, (await liveOnly.draft(request({ livemode: false }))).outcome, server.calls.length]).toEqual([
      [true],
      'later',
      calls,
    ]);
    await liveOnly.close();
  });

  it('twice under one key gives one draft', async () => {
    const asked = request();
    server.once(draftingInSilence);
    expect((await billing.draft(asked)).outcome).toBe('later');
    const [draft, ...others] = server.draftsFor(asked.idempotencyKey);
    expect([await billing.draft(asked), others]).toEqual([{ outcome: 'drafted', invoiceId: draft!.id }, []]);
  });

  const ID = newId('inv');
  // Whatever may have been drafted, or may be drafted yet, is asked for again under the same key.
  it.each<[string, Behaviour, RegExp]>([
    ['500', answering(500), /^SK Billing answered 500\.$/],
    ['503', answering(503), /503/],
    ['429', answering(429), /429/],
    ['409', answering(409), /409/],
    ['408', answering(408), /408/],
    ['a redirect, which is not followed', answering(302, { location: 'http://169.254.169.254/' }), /302/],
    ['no JSON', answering(200, {}, '<html>'), /without the id of an invoice/],
    ['JSON that is no object', answering(200, {}, 'null'), /without the id/],
    ['no id', answering(201, {}, '{"object":"invoice"}'), /without the id/],
    ['the id of something else', answering(201, {}, JSON.stringify({ id: newId('prj') })), /without the id/],
    ['an id that is none', answering(201, {}, '{"id":"inv_1"}'), /without the id/],
    ['more than anybody wants to read', answering(200, {}, `{"id":"${ID}","x":"${'x'.repeat(100_000)}"}`), /more than 65536 bytes/],
    [
      'half a body',
      (response) => void response.writeHead(201, { 'content-length': '40' }).write('{"id":"', () => response.socket!.end()),
      /broke off/,
    ],
    ['a reset', (_response, _draft, socket) => void socket.resetAndDestroy(), /could not be reached/],
    ['nothing', hanging, /did not answer within 1 s/],
    ['a body that does not end', (response) => void response.writeHead(201).write('{'), /did not answer within/],
  ])('answered with %s is worth another try', async (_, behaviour, error) => {
    server.once(behaviour);
    // The two that never end show that the deadline is held: without it there would be no answer to look at.
    expect(await billing.draft(request())).toEqual({ outcome: 'later', error: expect.stringMatching(error), retryAfterMs: 0 });
  });

  it.each([
    [503, '7', 7_000],
    [429, '120', 120_000],
    [503, 'soon', 0],
  ])('answered with %i and Retry-After: %s waits for that', async (status, after, retryAfterMs) => {
    server.once(answering(status, { 'retry-after': after }));
    expect(await billing.draft(request())).toMatchObject({ outcome: 'later', retryAfterMs });
  });

  it.each([400, 401, 403, 404, 410, 422])('answered with %i is over, in the words of SK Billing', async (status) => {
    server.once((response) => answer(response, { status, body: { detail: 'The contact\nhas no address.' } }));
    expect(await billing.draft(request())).toEqual({
      outcome: 'refused',
      error: `SK Billing answered ${status}: The contact has no address.`,
    });
  });

  it('that nobody listens to, or that does not speak HTTP, is worth another try', async () => {
    const sockets = new Set<Socket>();
    const odd = createServer((socket) => void sockets.add(socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.9\r\n')));
    await new Promise<void>((done) => odd.listen(0, '127.0.0.1', done));
    const { port } = odd.address() as AddressInfo;
    const other = new Billing({ url: `http://127.0.0.1:${port}`, keys: BILLING_KEYS, deadlineMs: DEADLINE_MS });
    expect(await other.draft(request())).toMatchObject({ outcome: 'later', error: 'SK Billing could not be reached.' });
    for (const socket of sockets) socket.destroy();
    await new Promise((closed) => odd.close(closed));
    expect(await other.draft(request())).toMatchObject({ outcome: 'later', error: 'SK Billing could not be reached.' });
    await other.close();
  });
});
