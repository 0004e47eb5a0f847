import { newId } from '@works/platform/ids';
import type { Operation, Rules, Ruling, Task } from './rules';

/** One request that changes something, and what the rules say of it when nobody else is at work. */
export interface Command {
  readonly method: 'POST' | 'PATCH';
  readonly path: string;
  readonly body: object;
  /** Codes of the rules that somebody else can break for it in the meantime. */
  readonly mayRefuse: readonly string[];
  readonly about: 'project' | 'milestone' | 'task' | 'comment' | 'batch';
  readonly operations?: readonly Operation[];
  readonly ruling: Ruling<any>;
}

export interface Chance {
  /** Yes in this share of cases. */
  (share: number): boolean;
  one<T>(choices: Iterable<T>): T | undefined;
}

export function chanceOf(random: () => number): Chance {
  const one = <T>(choices: Iterable<T>): T | undefined => {
    const all = [...choices];
    return all[Math.floor(random() * all.length)];
  };
  return Object.assign((share: number) => random() < share, { one });
}

const WORDS = ['Survey', 'Ceiling', 'Glass', 'Handover', 'Wiring'];
const DATES = [null, '2099-05-01', '2099-06-01'];
const WEIGHTS: readonly [weight: number, make: (rules: Rules, chance: Chance, place: Place) => Command | null][] = [
  [5, createProject],
  [4, updateProject],
  [3, closeProject],
  [6, reopenProject],
  [6, addMilestone],
  [6, updateMilestone],
  [5, reachMilestone],
  [5, reopenMilestone],
  [4, comment],
  [6, batch],
  [60, operate],
];
const BY_WEIGHT = WEIGHTS.flatMap(([weight, make]) => Array.from({ length: weight }, () => make));

/** Where a client works. */
export interface Place {
  readonly users: readonly string[];
  readonly template: string;
  /** References that the client has for itself; none where others work too. */
  readonly references: readonly string[];
  readonly projectsMax: number;
}

export function anyCommand(rules: Rules, chance: Chance, place: Place): Command {
  for (;;) {
    const command = chance.one(BY_WEIGHT)!(rules, chance, place);
    if (command !== null) return command;
  }
}

function createProject(rules: Rules, chance: Chance, { users, template, references, projectsMax }: Place): Command | null {
  if (rules.projects.size >= projectsMax) return null;
  const body = {
    name: chance.one(WORDS)!,
    owner_id: chance.one(users)!,
    ...(references.length > 0 && chance(0.6) && { reference: chance.one(references)! }),
    ...(chance(0.6) && { template }),
  };
  return { method: 'POST', path: '/projects', body, about: 'project', mayRefuse: [], ruling: rules.createProject(body) };
}

function updateProject(rules: Rules, chance: Chance, { references }: Place): Command | null {
  const project = chance.one(rules.projects.values());
  if (project === undefined) return null;
  const body = chance(0.3) && references.length > 0 ? { reference: chance.one(references)! } : {};
  const more = chance(0.5) ? { name: chance.one(WORDS)! } : { metadata: { [chance.one(['po', 'floor'])!]: chance.one([null, '1', '2'])! } };
  const changes = { ...body, ...more };
  const ruling = rules.updateProject(project.id, changes);
  return { method: 'PATCH', path: `/projects/${project.id}`, body: changes, about: 'project', mayRefuse: ['project_closed'], ruling };
}

function closeProject(rules: Rules, chance: Chance): Command | null {
  const project = chance.one(rules.projects.values());
  if (project === undefined) return null;
  const open_tasks = chance.one(['refuse', 'cancel', undefined] as const);
  const body = { outcome: chance.one(['delivered', 'cancelled'] as const)!, ...(open_tasks && { open_tasks }) };
  const ruling = rules.closeProject(project.id, body);
  const mayRefuse = ['project_closed', 'project_has_open_work'];
  return { method: 'POST', path: `/projects/${project.id}/close`, body, about: 'project', mayRefuse, ruling };
}

function reopenProject(rules: Rules, chance: Chance): Command | null {
  const closed = [...rules.projects.values()].filter(({ status }) => status === 'closed');
  const project = chance(0.1) ? chance.one(rules.projects.values()) : chance.one(closed);
  return project === undefined ? null : reopening(rules, project.id);
}

export const reopening = (rules: Rules, id: string): Command => ({
  ...{ method: 'POST', path: `/projects/${id}/reopen`, body: {}, about: 'project', mayRefuse: [] },
  ruling: rules.reopenProject(id),
});

function addMilestone(rules: Rules, chance: Chance): Command | null {
  const project = chance.one(rules.projects.values());
  if (project === undefined) return null;
  const places = rules.milestonesOf(project.id).length + 1;
  if (places > 8) return null;
  const position = chance(0.5) ? chance.one([1, 2, places, places + 1])! : undefined;
  const body = { name: chance.one(WORDS)!, requires_sign_off: chance(0.3), ...(position !== undefined && { position }) };
  const ruling = rules.addMilestone(project.id, body);
  const mayRefuse = ['project_closed', ...(position === undefined ? [] : ['validation_failed'])];
  return { method: 'POST', path: `/projects/${project.id}/milestones`, body, about: 'milestone', mayRefuse, ruling };
}

function updateMilestone(rules: Rules, chance: Chance): Command | null {
  const milestone = chance.one(rules.milestones.values());
  if (milestone === undefined) return null;
  const places = rules.milestonesOf(milestone.project_id).length;
  const body = {
    ...(chance(0.4) && { name: chance.one(WORDS)! }),
    ...(chance(0.4) && { position: chance.one([1, places, places + 1, Math.ceil(places / 2)])! }),
    ...(chance(0.3) && { requires_sign_off: chance(0.4) }),
    ...(chance(0.2) && { due_on: chance.one(DATES)! }),
  };
  if (Object.keys(body).length === 0) return null;
  const mayRefuse = ['project_closed', ...('position' in body ? ['validation_failed'] : [])];
  const ruling = rules.updateMilestone(milestone.id, body);
  return { method: 'PATCH', path: `/milestones/${milestone.id}`, body, about: 'milestone', mayRefuse, ruling };
}

function reachMilestone(rules: Rules, chance: Chance): Command | null {
  const milestone = chance.one(rules.milestones.values());
  if (milestone === undefined) return null;
  const mayRefuse = ['project_closed', 'milestone_blocked'];
  const path = `/milestones/${milestone.id}/reach`;
  return { method: 'POST', path, body: { note: 'Seen' }, about: 'milestone', mayRefuse, ruling: rules.reachMilestone(milestone.id) };
}

function reopenMilestone(rules: Rules, chance: Chance): Command | null {
  const reached = [...rules.milestones.values()].filter(({ status }) => status === 'reached');
  const milestone = chance(0.1) ? chance.one(rules.milestones.values()) : chance.one(reached);
  if (milestone === undefined) return null;
  const path = `/milestones/${milestone.id}/reopen`;
  return { method: 'POST', path, body: {}, about: 'milestone', mayRefuse: ['project_closed'], ruling: rules.reopenMilestone(milestone.id) };
}

function comment(rules: Rules, chance: Chance): Command | null {
  const task = chance.one(rules.tasks.values());
  if (task === undefined) return null;
  const ruling = { broken: [], take: () => void (task.version += 1) };
  return { method: 'POST', path: `/tasks/${task.id}/comments`, body: { body: 'Noted.' }, about: 'comment', mayRefuse: [], ruling };
}

function batch(rules: Rules, chance: Chance, place: Place): Command | null {
  const operations = Array.from({ length: 2 + Number(chance(0.5)) * 3 }, () => anyOperation(rules, chance, place)).filter(
    (operation) => operation !== null,
  );
  if (operations.length === 0) return null;
  const mode = chance.one(['atomic', 'best_effort'])!;
  // What it does is worked out operation by operation, by whoever compares the answer.
  const ruling = { broken: [], take: () => undefined };
  return {
    method: 'POST',
    path: '/tasks/batch',
    body: { mode, operations },
    about: 'batch',
    operations,
    mayRefuse: ['batch_failed'],
    ruling,
  };
}

function operate(rules: Rules, chance: Chance, place: Place): Command | null {
  const operation = anyOperation(rules, chance, place);
  return operation === null ? null : alone(rules, operation);
}

const ENDED = ['task_completed', 'task_cancelled'];
export const MAY_REFUSE: Record<Operation['op'], readonly string[]> = {
  create: ['project_closed'],
  update: [...ENDED, 'dependency_cycle'],
  assign: ENDED,
  complete: ['task_cancelled', 'task_blocked'],
  reopen: ['project_closed'],
  cancel: ['task_completed'],
};

/** The operation as a request of its own. */
export function alone(rules: Rules, operation: Operation): Command {
  const common = { about: 'task', mayRefuse: MAY_REFUSE[operation.op], operations: [operation], ruling: rules.operate(operation) } as const;
  switch (operation.op) {
    case 'create':
      return { method: 'POST', path: '/tasks', body: operation.task, ...common };
    case 'update':
      return { method: 'PATCH', path: `/tasks/${operation.id}`, body: operation.task, ...common };
    default: {
      const { op, id, ...body } = operation;
      return { method: 'POST', path: `/tasks/${id}/${op}`, body, ...common };
    }
  }
}

function anyOperation(rules: Rules, chance: Chance, { users }: Place): Operation | null {
  const task = chance.one(rules.tasks.values());
  if (task === undefined || chance(rules.tasks.size < 60 ? 0.2 : 0.02)) return creation(rules, chance, users);
  const { id } = task;
  switch (chance.one(['update', 'update', 'assign', 'complete', 'complete', 'complete', 'reopen', 'cancel'] as const)!) {
    case 'update':
      return { op: 'update', id, task: details(rules, chance, task) };
    case 'assign':
      return { op: 'assign', id, assignee_id: chance(0.2) ? null : chance.one(users)! };
    case 'complete':
      return { op: 'complete', id, ...(chance(0.3) && { force: true }) };
    case 'reopen':
      return { op: 'reopen', id };
    case 'cancel':
      return chance(0.5) ? { op: 'cancel', id } : { op: 'complete', id };
  }
}

function creation(rules: Rules, chance: Chance, users: readonly string[]): Operation | null {
  const project = chance(0.9) ? chance.one(rules.projects.values()) : undefined;
  const project_id = project?.id ?? null;
  const neighbour = chance.one(rules.tasksOf({ project_id }));
  const milestone = project && chance(0.8) ? chance.one(rules.milestonesOf(project.id)) : undefined;
  const task = {
    title: chance.one(WORDS)!,
    ...(project && { project_id: project.id }),
    ...(milestone && { milestone_id: milestone.id }),
    ...(chance(0.5) && { assignee_id: chance.one(users)! }),
    ...(chance(0.2) && { due_on: chance.one(DATES)! }),
    ...(neighbour && chance(0.25) && { depends_on: [neighbour.id] }),
    ...(chance(0.02) && { depends_on: [newId('tsk')] }),
  };
  return { op: 'create', task };
}

function details(rules: Rules, chance: Chance, { project_id }: Task): Partial<Task> {
  const neighbour = chance.one(rules.tasksOf({ project_id }))!;
  const changes = {
    ...(chance(0.4) && { title: chance.one(WORDS)! }),
    ...(chance(0.3) && { priority: chance.one(['high', 'low'])! }),
    ...(chance(0.2) && { due_on: chance.one(DATES)! }),
    ...(chance(0.3) && { depends_on: chance(0.3) ? [] : [neighbour.id] }),
    ...(project_id !== null && chance(0.4) && { milestone_id: chance.one([null, ...rules.milestonesOf(project_id)])?.id ?? null }),
  };
  return Object.keys(changes).length > 0 ? changes : { title: 'As it stands' };
}
