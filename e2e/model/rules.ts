import { isDeepStrictEqual } from 'node:util';

/** A project, milestone or task as the rules see it, in the spelling of the API; what others decide of it is worked out when it is shown. */
export interface Project {
  readonly id: string;
  name: string;
  reference: string | null;
  status: 'active' | 'closed';
  outcome: null | 'delivered' | 'cancelled';
  metadata: Record<string, string>;
  version: number;
}
export interface Milestone {
  readonly id: string;
  readonly project_id: string;
  name: string;
  position: number;
  due_on: string | null;
  requires_sign_off: boolean;
  status: 'pending' | 'reached';
  version: number;
}
export interface Task {
  readonly id: string;
  readonly project_id: string | null;
  milestone_id: string | null;
  title: string;
  priority: string;
  assignee_id: string | null;
  due_on: string | null;
  depends_on: string[];
  status: 'open' | 'completed' | 'cancelled';
  version: number;
}

type Details = Pick<Task, 'title' | 'priority' | 'due_on' | 'depends_on' | 'milestone_id'>;
export type NewTask = Partial<Omit<Details, 'title'>> & { title: string; project_id?: string | null; assignee_id?: string | null };

/** As in `POST /tasks/batch`; alone, each of them is a request of its own. */
export type Operation =
  | { op: 'create'; task: NewTask }
  | { op: 'update'; id: string; task: Partial<Details> }
  | { op: 'assign'; id: string; assignee_id: string | null }
  | { op: 'complete'; id: string; force?: boolean }
  | { op: 'reopen' | 'cancel'; id: string };

/** What the rules say of a request: the codes of those it breaks, or, when it breaks none, what it does. */
export interface Ruling<Answer = { id: string }> {
  readonly broken: readonly string[];
  /** Takes what only the answer knows, such as new ids. */
  take(answer: Answer): void;
}

/**
 * The rules of projects, milestones and tasks as product.md and the API's descriptions tell them, in memory and without a second client:
 * what a careful reader expects each request to do. It shares no code with the services.
 */
export class Rules {
  readonly projects = new Map<string, Project>();
  readonly milestones = new Map<string, Milestone>();
  readonly tasks = new Map<string, Task>();
  /** How often each milestone was reached. */
  readonly reachings = new Map<string, number>();

  milestonesOf(projectId: string): Milestone[] {
    return [...this.milestones.values()].filter(({ project_id }) => project_id === projectId).sort((a, b) => a.position - b.position);
  }

  tasksOf(where: Partial<Pick<Task, 'project_id' | 'milestone_id'>>): Task[] {
    return [...this.tasks.values()].filter((task) =>
      Object.entries(where).every(([field, value]) => task[field as keyof typeof where] === value),
    );
  }

  isBlocked(task: Task): boolean {
    return task.status === 'open' && task.depends_on.some((id) => this.tasks.get(id)!.status === 'open');
  }

  progressOf(where: Parameters<Rules['tasksOf']>[0]): { tasks: number; tasks_completed: number } {
    const counted = this.tasksOf(where).filter(({ status }) => status !== 'cancelled');
    return { tasks: counted.length, tasks_completed: counted.filter(({ status }) => status === 'completed').length };
  }

  /** What reading it has to answer, as far as the rules go. */
  shownProject(id: string): object {
    const gates = this.milestonesOf(id);
    const milestones_reached = gates.filter(({ status }) => status === 'reached').length;
    return {
      ...this.projects.get(id)!,
      progress: { milestones: gates.length, milestones_reached, ...this.progressOf({ project_id: id }), tasks_overdue: 0 },
    };
  }

  shownMilestone(id: string): object {
    const milestone = this.milestones.get(id)!;
    const open = this.tasksOf({ milestone_id: id }).filter(({ status }) => status === 'open');
    const blocked_by = [
      ...open.map((task) => ({ kind: 'task', id: task.id, title: task.title })).sort((a, b) => (a.id < b.id ? -1 : 1)),
      ...(milestone.requires_sign_off ? [{ kind: 'sign_off', id, title: 'Sign-off' }] : []),
    ];
    return {
      ...milestone,
      progress: this.progressOf({ milestone_id: id }),
      blocked_by: milestone.status === 'reached' ? [] : blocked_by,
    };
  }

  shownTask(id: string): object {
    const task = this.tasks.get(id)!;
    return { ...task, blocked: this.isBlocked(task), overdue: false };
  }

  holderOf(reference: string): Project | undefined {
    return [...this.projects.values()].find((project) => project.reference === reference);
  }

  createProject(body: { name: string; reference?: string }): Ruling<Record<string, any>> {
    const taken = body.reference !== undefined && this.holderOf(body.reference) !== undefined;
    return { broken: taken ? ['reference_taken'] : [], take: (answer) => this.opened(answer) };
  }

  updateProject(
    id: string,
    { metadata, ...plain }: { name?: string; reference?: string; metadata?: Record<string, string | null> },
  ): Ruling {
    const project = this.projects.get(id)!;
    const notes = new Map<string, string | null>([...Object.entries(project.metadata), ...Object.entries(metadata ?? {})]);
    const after = {
      ...plain,
      metadata: Object.fromEntries([...notes].filter((note): note is [string, string] => note[1] !== null)),
    };
    const changes = !isSo(project, after);
    const holder = plain.reference === undefined ? undefined : this.holderOf(plain.reference);
    const broken = changes ? [...this.closed(id), ...(holder !== undefined && holder !== project ? ['reference_taken'] : [])] : [];
    return { broken, take: () => void (changes && Object.assign(project, after, { version: project.version + 1 })) };
  }

  closeProject(id: string, { outcome, open_tasks }: { outcome: 'delivered' | 'cancelled'; open_tasks?: 'refuse' | 'cancel' }): Ruling {
    const project = this.projects.get(id)!;
    if (project.status === 'closed') return { broken: project.outcome === outcome ? [] : ['project_closed'], take: () => undefined };
    const open = this.tasksOf({ project_id: id }).filter(({ status }) => status === 'open');
    const pending = outcome === 'delivered' ? this.milestonesOf(id).filter(({ status }) => status === 'pending') : [];
    const cancels = (open_tasks ?? (outcome === 'cancelled' ? 'cancel' : 'refuse')) === 'cancel';
    return {
      broken: cancels || open.length + pending.length === 0 ? [] : ['project_has_open_work'],
      take: () => {
        Object.assign(project, { status: 'closed', outcome, version: project.version + 1 });
        for (const task of open) Object.assign(task, { status: 'cancelled', version: task.version + 1 });
      },
    };
  }

  reopenProject(id: string): Ruling {
    const project = this.projects.get(id)!;
    const take = () => void Object.assign(project, { status: 'active', outcome: null, version: project.version + 1 });
    return { broken: [], take: project.status === 'active' ? () => undefined : take };
  }

  addMilestone(projectId: string, { position }: { name: string; position?: number }): Ruling<Record<string, any>> {
    const gates = this.milestonesOf(projectId);
    const broken = [...this.closed(projectId), ...((position ?? 1) > gates.length + 1 ? ['validation_failed'] : [])];
    return {
      broken,
      take: (answer) => {
        for (const gate of gates.slice((position ?? gates.length + 1) - 1)) {
          gate.position += 1;
          gate.version += 1;
        }
        this.takeMilestone(answer);
      },
    };
  }

  updateMilestone(
    id: string,
    { position, ...plain }: Partial<Pick<Milestone, 'name' | 'due_on' | 'requires_sign_off' | 'position'>>,
  ): Ruling {
    const milestone = this.milestones.get(id)!;
    const gates = this.milestonesOf(milestone.project_id);
    const changes = !isSo(milestone, { ...plain, position: position ?? milestone.position });
    const broken = [
      ...(changes ? this.closed(milestone.project_id) : []),
      ...((position ?? 1) > gates.length ? ['validation_failed'] : []),
    ];
    const take = () => {
      const freed = plain.requires_sign_off === false && milestone.requires_sign_off;
      const order = gates.filter((gate) => gate !== milestone);
      order.splice((position ?? milestone.position) - 1, 0, milestone);
      const moved = order.filter((gate, index) => gate !== milestone && gate.position !== index + 1);
      for (const gate of moved) gate.version += 1;
      order.forEach((gate, index) => (gate.position = index + 1));
      Object.assign(milestone, plain, { version: milestone.version + 1 });
      if (freed) this.reachDone([id]);
    };
    return { broken, take: changes ? take : () => undefined };
  }

  reachMilestone(id: string): Ruling {
    const milestone = this.milestones.get(id)!;
    if (milestone.status === 'reached') return { broken: [], take: () => undefined };
    const open = this.tasksOf({ milestone_id: id }).some(({ status }) => status === 'open');
    return { broken: [...this.closed(milestone.project_id), ...(open ? ['milestone_blocked'] : [])], take: () => this.reached(milestone) };
  }

  reopenMilestone(id: string): Ruling {
    const milestone = this.milestones.get(id)!;
    if (milestone.status === 'pending') return { broken: [], take: () => undefined };
    const take = () => void Object.assign(milestone, { status: 'pending', version: milestone.version + 1 });
    return { broken: this.closed(milestone.project_id), take };
  }

  /** What it does to the milestones around is said afterwards, by `reachDone`. */
  operate(operation: Operation): Ruling {
    if (operation.op === 'create') return this.createTask(operation.task);
    const task = this.tasks.get(operation.id)!;
    const ended = task.status === 'open' ? [] : [`task_${task.status}`];
    const become = (after: Partial<Task>) => () => void (isSo(task, after) || Object.assign(task, after, { version: task.version + 1 }));
    switch (operation.op) {
      case 'update':
        return { broken: [...ended, ...this.unknownTo(task, operation.task)], take: become(operation.task) };
      case 'assign':
        return { broken: ended, take: become({ assignee_id: operation.assignee_id }) };
      case 'complete': {
        const blocked = this.isBlocked(task) && operation.force !== true ? ['task_blocked'] : [];
        return { broken: [...(task.status === 'cancelled' ? ended : []), ...blocked], take: become({ status: 'completed' }) };
      }
      case 'cancel':
        return { broken: task.status === 'completed' ? ended : [], take: become({ status: 'cancelled' }) };
      case 'reopen':
        return { broken: task.status === 'open' ? [] : this.closed(task.project_id), take: become({ status: 'open' }) };
    }
  }

  /** The milestone that a task ends in, or leaves, by this operation. */
  endedIn(operation: Operation): string[] {
    if (operation.op !== 'complete' && operation.op !== 'cancel' && operation.op !== 'update') return [];
    const { milestone_id, status } = this.tasks.get(operation.id)!;
    if (milestone_id === null || status !== 'open') return [];
    const leaves = operation.op === 'update' && operation.task.milestone_id !== undefined && operation.task.milestone_id !== milestone_id;
    return operation.op !== 'update' || leaves ? [milestone_id] : [];
  }

  /** Whether a milestone in which a task has just ended, or which one has just left, waits for nothing any more. */
  isDone(id: string): boolean {
    const milestone = this.milestones.get(id)!;
    const { tasks, tasks_completed } = this.progressOf({ milestone_id: id });
    const active = this.projects.get(milestone.project_id)!.status === 'active';
    return milestone.status === 'pending' && !milestone.requires_sign_off && active && tasks > 0 && tasks === tasks_completed;
  }

  reachDone(ids: readonly string[]): void {
    for (const id of new Set(ids)) if (this.isDone(id)) this.reached(this.milestones.get(id)!);
  }

  reached(milestone: Milestone): void {
    Object.assign(milestone, { status: 'reached', version: milestone.version + 1 });
    this.reachings.set(milestone.id, (this.reachings.get(milestone.id) ?? 0) + 1);
  }

  /** A copy to think ahead in. */
  copy(): Rules {
    const copy = new Rules();
    for (const [id, project] of this.projects) copy.projects.set(id, { ...project });
    for (const [id, milestone] of this.milestones) copy.milestones.set(id, { ...milestone });
    for (const [id, task] of this.tasks) copy.tasks.set(id, { ...task });
    return copy;
  }

  /** Takes a project in as an answer tells of it, with the milestones and tasks that it names. */
  opened({ milestones = [], ...project }: Record<string, any>): void {
    const { id, name, reference, status, outcome, metadata, version } = project;
    this.projects.set(id as string, { id, name, reference, status, outcome, metadata, version });
    for (const { tasks = [], ...milestone } of milestones) {
      this.takeMilestone(milestone as Record<string, any>);
      for (const task of tasks) this.takeTask(task as Record<string, any>);
    }
  }

  takeMilestone(answer: Record<string, any>): void {
    const { id, project_id, name, position, due_on, requires_sign_off, status, version } = answer;
    this.milestones.set(id as string, { id, project_id, name, position, due_on, requires_sign_off, status, version });
  }

  takeTask(answer: Record<string, any>): void {
    const { id, project_id, milestone_id, title, priority, assignee_id, due_on, depends_on, status, version } = answer;
    this.tasks.set(id as string, { id, project_id, milestone_id, title, priority, assignee_id, due_on, depends_on, status, version });
  }

  private createTask({ project_id = null, ...body }: NewTask): Ruling {
    const task: Task = {
      ...{ id: '', project_id, milestone_id: null, priority: 'normal', assignee_id: null, due_on: null, depends_on: [] },
      ...{ status: 'open', version: body.assignee_id == null ? 1 : 2, ...body },
    };
    return {
      broken: [...this.closed(project_id), ...this.unknownTo(task, body)],
      take: ({ id }) => void this.tasks.set(id, { ...task, id }),
    };
  }

  private closed(projectId: string | null): string[] {
    return projectId !== null && this.projects.get(projectId)!.status === 'closed' ? ['project_closed'] : [];
  }

  /** Milestones and dependencies are of the task's own project, and no task waits for itself. */
  private unknownTo({ id, project_id }: Task, { milestone_id = null, depends_on = [] }: Partial<Details>): string[] {
    const stranger = milestone_id !== null && this.milestones.get(milestone_id)?.project_id !== project_id;
    const strangers = depends_on.some((other) => this.tasks.get(other)?.project_id !== project_id);
    const cycle = depends_on.some((other) => this.leadsTo(other, id));
    return [...(stranger || strangers ? ['unknown_reference'] : []), ...(cycle ? ['dependency_cycle'] : [])];
  }

  private leadsTo(from: string, to: string): boolean {
    return from === to || (this.tasks.get(from)?.depends_on ?? []).some((next) => this.leadsTo(next, to));
  }
}

const isSo = (present: object, wanted: object): boolean =>
  Object.entries(wanted).every(([field, value]) => isDeepStrictEqual(present[field as keyof typeof present], value));
