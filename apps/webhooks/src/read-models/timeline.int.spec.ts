import { publicEvent, type EventType } from '@works/contracts/events';
import type { TimelineEntry } from '@works/contracts/timeline';
import type { Caller } from '@works/platform/caller';
import type { LogMessage } from '@works/platform/event-log';
import { newId } from '@works/platform/ids';
import { aCaller, eventually } from '@works/platform/testing';
import { startWebhooks, type WebhooksService } from '../webhooks-service.examples';

interface Page {
  data: TimelineEntry[];
  has_more: boolean;
  next_cursor: string | null;
}

describe('the timeline of a project', () => {
  let service: WebhooksService;
  let caller: Caller;
  let project: string;

  beforeAll(async () => {
    service = await startWebhooks();
  });
  beforeEach(() => {
    caller = aCaller();
    project = newId('prj');
  });
  afterAll(() => service.stop());

  const happened = (type: EventType, data: Record<string, unknown>, subject: string = newId('tsk'), projectId = project): LogMessage => {
    const id = newId('evt');
    const { topic, key, body } = publicEvent(
      { id, streamId: subject, occurredAt: new Date(), cause: { caller, requestId: null, idempotencyKey: null } },
      { type, projectId, data },
    );
    return { topic, key, value: body, headers: { ce_id: id } };
  };
  const timeline = (query = '', as = caller) => service.get(as, `/projects/${project}/timeline${query}`);
  const logged = (count: number) =>
    eventually(async () => expect((await service.get(caller, '/events?limit=100')).json<Page>().data).toHaveLength(count));

  /** One after the other, as their topics would be read if nothing else happened. */
  async function tell(...messages: LogMessage[]): Promise<void> {
    for (const [index, message] of messages.entries()) {
      await service.tell([message]);
      await logged(index + 1);
    }
  }

  const opened = () => happened('project.created', { project: { name: 'Site fit-out' }, previous: {} }, project);
  const putOff = () =>
    happened('task.updated', { task: { title: 'Order the glass', due_on: '2026-12-04' }, previous: { due_on: '2026-11-30' } });
  const completed = () =>
    happened('task.completed', { task: { title: 'Survey drawings', status: 'completed' }, previous: { status: 'open' } });

  it('says in order what happened, by whom, and what changed', async () => {
    const elsewhere = happened('task.completed', { task: { title: 'Not ours' }, previous: {} }, newId('tsk'), newId('prj'));
    const messages = [opened(), elsewhere, putOff(), completed()];
    await tell(...messages);
    const { data, has_more } = (await timeline()).json<Page>();
    expect(data.map(({ text, position }) => [position, text])).toEqual([
      [1, 'Project Site fit-out opened'],
      [3, 'Due date of Order the glass moved from 2026-11-30 to 2026-12-04'],
      [4, 'Survey drawings completed'],
    ]);
    expect(has_more).toBe(false);
    const event = JSON.parse(messages[2]!.value) as { id: string; subject: string; timestamp: string };
    expect(data[1]).toEqual({
      id: event.id,
      object: 'timeline_entry',
      type: 'task.updated',
      text: 'Due date of Order the glass moved from 2026-11-30 to 2026-12-04',
      at: event.timestamp,
      position: 3,
      project_id: project,
      subject: event.subject,
      actor: caller.actor,
      changes: [{ field: 'due_on', from: '2026-11-30', to: '2026-12-04' }],
    });
  });

  it('has pages that add up to the whole, also when more happens meanwhile', async () => {
    await tell(opened(), putOff(), completed());
    const whole = (await timeline()).json<Page>().data;
    const first = (await timeline('?limit=2')).json<Page>();
    await service.tell([completed()]);
    await logged(4);
    const second = (await timeline(`?limit=1&cursor=${first.next_cursor}`)).json<Page>();
    expect([...first.data, ...second.data]).toEqual(whole);
    expect([first.has_more, second.has_more]).toEqual([true, true]);
  });

  it('refuses the cursor of another project', async () => {
    await tell(opened(), completed());
    const { next_cursor } = (await timeline('?limit=1')).json<Page>();
    const other = await service.get(caller, `/projects/${newId('prj')}/timeline?cursor=${next_cursor}`);
    expect([other.statusCode, other.json<{ code: string }>().code]).toEqual([400, 'cursor_mismatch']);
  });

  // Whatever is told again, by a relay that died or by a rebuild of another service, was told already.
  it('is byte for byte the same when everything is told again', async () => {
    const messages = [opened(), putOff(), completed()];
    await tell(...messages);
    const before = (await timeline()).body;
    expect((await timeline()).body).toBe(before);
    const after = completed();
    await service.tell([...messages.toReversed(), after]);
    await logged(4);
    const { data } = (await timeline()).json<Page>();
    expect(JSON.stringify(data.slice(0, 3))).toBe(JSON.stringify((JSON.parse(before) as Page).data));
    expect(data).toHaveLength(4);
  });

  // Guarantees that a stranger, or the other mode, cannot learn whether a project exists.
  it('is not there for strangers, byte for byte as for a project that never was', async () => {
    await tell(opened());
    const comparable = (answer: { statusCode: number; body: string }) => [
      answer.statusCode,
      answer.body.replace(/"request_id":"[^"]*"/, ''),
    ];
    const never = comparable(await service.get(caller, `/projects/${newId('prj')}/timeline`));
    expect(never[0]).toBe(404);
    for (const stranger of [aCaller(), { ...caller, livemode: !caller.livemode }]) {
      expect(comparable(await timeline('', stranger))).toEqual(never);
    }
  });

  it('asks for the scope of events', async () => {
    expect((await timeline('', { ...caller, scopes: ['projects:read'] })).statusCode).toBe(403);
  });
});
