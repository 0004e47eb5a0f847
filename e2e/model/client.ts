import { randomUUID } from 'node:crypto';
import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import type { Api } from '../support/api';
import type { Reply } from '../support/reply';
import { anyCommand, MAY_REFUSE, reopening, type Chance, type Command, type Place } from './commands';
import type { Operation, Rules } from './rules';

type Resource = Record<string, any>;
type Sent = Pick<Command, 'method' | 'path' | 'body'> & { readonly key: string; readonly reply: Reply };

const REPLAYED = 0.06;
const REPLAYABLE_MAX = 50;
/** Share of commands that go where others are at work too. */
const SHARED = 0.3;
/** Of what an answer tells, the rest follows from other resources, which may be on their way. */
export const ownFields = ({
  progress: _,
  blocked_by: __,
  blocked: ___,
  milestones: ____,
  tasks: _____,
  invoice: ______,
  ...own
}: Resource): Resource => own;

/** What the clients have in common: projects that all of them change, and what they were answered. */
export interface Common {
  readonly rules: Rules;
  /** Each successful answer about something shared, to be found in the log. */
  readonly told: Resource[];
  /** Keys of requests that succeeded: nobody else has a part in the log. */
  readonly succeeded: Set<string>;
}

/** Changes what it has for itself, where the rules say exactly what happens, and what it shares with others, where they say what may. */
export class Client {
  private readonly replayable: Sent[] = [];
  private readonly lately: string[] = [];

  constructor(
    private readonly api: Api,
    readonly rules: Rules,
    private readonly common: Common,
    private readonly chance: Chance,
    private readonly place: Place,
  ) {}

  async step(): Promise<void> {
    try {
      if (this.replayable.length > 0 && this.chance(REPLAYED)) await this.replay(this.chance.one(this.replayable)!);
      else if (this.chance(SHARED))
        await this.together(anyCommand(this.common.rules, this.chance, { ...this.place, references: [], projectsMax: 0 }));
      else await this.alone(anyCommand(this.rules, this.chance, this.place));
    } catch (error) {
      (error as Error).message += `\nAfter:\n${this.lately.join('\n')}`;
      throw error;
    }
  }

  /** Nobody else is at work: the answer is what the rules say, and so is what can be read at once. */
  private async alone(command: Command): Promise<void> {
    const { operations = [], ruling, about } = command;
    if (about === 'batch') return this.batchAlone(command, operations);
    const ended = operations.flatMap((operation) => this.rules.endedIn(operation));
    const wasActive = this.projectOf(command)?.status === 'active';
    const reply = await this.send(command);
    if (ruling.broken.length > 0) return expect(ruling.broken).toContain(reply.body['code']);
    expect([reply.status, reply.body['code']]).toEqual([expect.any(Number), undefined]);
    ruling.take(reply.body);
    if (about === 'task') this.compare(about, reply.body);
    this.rules.reachDone(ended);
    // The answer to a closing counts the tasks that are about to be cancelled.
    if (about === 'milestone' || (about === 'project' && !command.path.endsWith('/close'))) this.compare(about, reply.body);
    if (ended.length > 0) await this.look(ended);
    const project = this.projectOf(command);
    // Its tasks end a moment later, and until then it is counted as it was.
    if (wasActive && project?.status === 'closed') await this.closed(project.id);
  }

  /** Also when it is reopened before all has been cancelled, no milestone reaches because of that. */
  private async closed(projectId: string): Promise<void> {
    if (this.chance(0.5)) {
      const command = reopening(this.rules, projectId);
      const reply = await this.send(command);
      command.ruling.take(reply.body);
    }
    await eventually(async () => {
      await this.compareAll(projectId);
      this.compare('project', (await this.api.get(`/projects/${projectId}`)).body);
    });
  }

  private async batchAlone(command: Command, operations: readonly Operation[]): Promise<void> {
    const { mode } = command.body as { mode: string };
    const reply = await this.send(command);
    const ahead = this.rules.copy();
    const [broken, inBetween] = [[] as string[][], new Set<string>()];
    const touched: string[] = [];
    operations.forEach((operation, index) => {
      const ended = ahead.endedIn(operation);
      const ruling = ahead.operate(operation);
      broken.push([...ruling.broken]);
      const { task } = reply.status === 200 ? reply.body['data'][index] : { task: null };
      if (ruling.broken.length > 0) return;
      ruling.take(task ?? { id: `new_${index}` });
      if (task != null) expect(ownFields(task as Resource)).toMatchObject(ownFields(ahead.shownTask(task.id as string)));
      touched.push(...ended);
      for (const id of touched) if (ahead.isDone(id)) inBetween.add(id);
    });
    if (mode === 'atomic' && broken.some((codes) => codes.length > 0)) return expect(reply.body['code']).toBe('batch_failed');
    expect(reply.status).toBe(200);
    for (const [index, codes] of broken.entries()) {
      const code = reply.body['data'][index].problem?.code as string | undefined;
      expect(codes.length === 0 ? [undefined] : codes).toContain(code);
    }
    const { rules } = this;
    for (const { id } of ahead.tasks.values()) rules.takeTask(ahead.tasks.get(id)!);
    // Of what is done at once and undone at once nobody is promised which is heard of first.
    const unsure = [...inBetween].filter((id) => !rules.isDone(id));
    for (const id of unsure) {
      const { body } = await this.api.get(`/milestones/${id}`);
      if (body['status'] === 'reached') rules.reached(rules.milestones.get(id)!);
    }
    rules.reachDone(touched);
    await this.look(touched);
  }

  /** Others are at work: it is done, or refused with something that they may have brought about. */
  private async together(command: Command): Promise<void> {
    const { operations = [], about } = command;
    const reply = await this.send(command);
    if (reply.status >= 400) return expect([...command.mayRefuse, ...command.ruling.broken]).toContain(reply.body['code']);
    if (about === 'comment') return;
    if (about !== 'batch') return this.learn(reply.body);
    for (const [index, { task, problem }] of (reply.body['data'] as Resource[]).entries()) {
      if (problem === undefined) this.learn(task as Resource);
      else expect([...MAY_REFUSE[operations[index]!.op], 'unknown_reference']).toContain(problem.code);
    }
  }

  private learn(resource: Resource): void {
    const { rules, told } = this.common;
    told.push(resource);
    const known = rules[`${resource['object'] as 'project'}s`].get(resource['id'] as string);
    if ((known?.version ?? 0) >= resource['version']) return;
    if (resource['object'] === 'project') rules.opened(resource);
    else if (resource['object'] === 'milestone') rules.takeMilestone(resource);
    else rules.takeTask(resource);
  }

  /** The same key answers the same, whatever has happened since; with another request it is refused. */
  private async replay({ method, path, body, key, reply }: Sent): Promise<void> {
    this.note(`replay of ${method} ${path}`);
    const call = { key };
    const again = method === 'POST' ? await this.api.post(path, body, call) : await this.api.patch(path, body, call);
    expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([reply.status, reply.text, 'true']);
    const other = path.startsWith('/tasks')
      ? await this.api.post('/tasks', { title: 'Something else' }, call)
      : await this.api.post('/projects', { name: 'Something else', owner_id: newId('usr') }, call);
    expect([other.status, other.body['code']]).toEqual([409, 'idempotency_key_reused']);
  }

  private async send({ method, path, body }: Command): Promise<Reply> {
    this.note(`${method} ${path} ${JSON.stringify(body)}`);
    const key = randomUUID();
    const reply = method === 'POST' ? await this.api.post(path, body, { key }) : await this.api.patch(path, body, { key });
    this.note(`  ${reply.status} ${(reply.body['code'] as string | undefined) ?? ''}`);
    if (reply.status < 400) this.common.succeeded.add(key);
    if (reply.status < 400 || reply.status === 409) {
      this.replayable.push({ method, path, body, key, reply });
      if (this.replayable.length > REPLAYABLE_MAX) this.replayable.shift();
    }
    return reply;
  }

  private note(line: string): void {
    this.lately.push(line);
    if (this.lately.length > 30) this.lately.shift();
  }

  private projectOf({ path }: Command) {
    return this.rules.projects.get(path.split('/')[2]!);
  }

  private compare(kind: 'project' | 'milestone' | 'task', answer: Resource): void {
    const shown = { project: 'shownProject', milestone: 'shownMilestone', task: 'shownTask' } as const;
    expect(answer).toMatchObject(this.rules[shown[kind]](answer['id'] as string));
  }

  /** What a task has just brought about is there to be read. */
  private async look(milestoneIds: readonly string[]): Promise<void> {
    for (const projectId of new Set(milestoneIds.map((id) => this.rules.milestones.get(id)!.project_id))) await this.compareAll(projectId);
  }

  private async compareAll(projectId: string): Promise<void> {
    const { body } = await this.api.get(`/projects/${projectId}/milestones`);
    const shown = this.rules.milestonesOf(projectId).map(({ id }) => this.rules.shownMilestone(id));
    expect(body['data']).toMatchObject(shown);
  }
}
