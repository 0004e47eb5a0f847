import { ownFields } from './client';

type Resource = Record<string, any>;

const kindOf = ({ type }: Resource): string => (type as string).split('.')[0]!;
export const resourceOf = (event: Resource): Resource => event['data'][kindOf(event)] as Resource;

/** What each event can happen to, and what it makes of it. */
const TURNS: Record<string, readonly [before: string | null, after: string | null]> = {
  'project.updated': ['active', 'active'],
  'project.closed': ['active', 'closed'],
  'project.reopened': ['closed', 'active'],
  'milestone.updated': [null, null],
  'milestone.reached': ['pending', 'reached'],
  'milestone.reopened': ['reached', 'pending'],
  'task.updated': ['open', 'open'],
  'task.assigned': ['open', 'open'],
  'task.unassigned': ['open', 'open'],
  'task.completed': ['open', 'completed'],
  'task.cancelled': ['open', 'cancelled'],
  'task.commented': [null, null],
};
const BEGINNINGS = ['project.created', 'milestone.added', 'task.created'];

/** The versions of every resource as the log tells them, in order: a replay. */
export function histories(events: readonly Resource[]): Map<string, Resource[]> {
  const histories = new Map<string, Resource[]>();
  const tell = (resource: Resource) =>
    histories.set(resource['id'] as string, [...(histories.get(resource['id'] as string) ?? []), resource]);
  for (const event of events) {
    tell(resourceOf(event));
    if (event['type'] === 'project.created') plannedIn(resourceOf(event)).forEach(tell);
  }
  for (const versions of histories.values()) versions.sort((a, b) => a['version'] - b['version']);
  return histories;
}

/** Milestones are planned with their project, which tells of them only what does not follow from it. */
const plannedIn = ({ id: project_id, created_at, milestones }: Resource): Resource[] =>
  (milestones as Resource[]).map(({ tasks: _, ...milestone }) => ({
    ...{ object: 'milestone', project_id, status: 'pending', sign_off: null, reached_at: null },
    ...{ created_at, updated_at: created_at, version: 1, ...milestone },
  }));

/** Every version is told exactly once, each follows by the rules from the one before it, and says truly what that was. */
export function expectLawful(events: readonly Resource[], told: ReadonlyMap<string, Resource[]>): void {
  for (const versions of told.values())
    expect(versions.map(({ version }) => version as number)).toEqual(versions.map((_, index) => index + 1));
  for (const event of events) {
    const after = resourceOf(event);
    const before = told.get(after['id'] as string)![after['version'] - 2];
    const { type, data } = event as { type: string; data: Resource };
    if (before === undefined) {
      expect(BEGINNINGS).toContain(type);
      continue;
    }
    const [from, to] = type === 'task.reopened' ? [before['status'] === 'open' ? 'ended' : null, 'open'] : TURNS[type]!;
    expect([type, before['status']]).toEqual([type, from ?? before['status']]);
    expect([type, after['status']]).toEqual([type, to ?? before['status']]);
    const previous = Object.entries(data['previous'] as Resource);
    for (const [field, value] of previous) expect([type, field, value]).toEqual([type, field, before[field]]);
    if (type === 'task.commented') continue;
    expect(previous.filter(([field, value]) => JSON.stringify(after[field]) !== JSON.stringify(value))).not.toEqual([]);
  }
}

/** Whatever a client was told happened just so. */
export function expectTold(answers: readonly Resource[], told: ReadonlyMap<string, Resource[]>): void {
  for (const answer of answers) expect(ownFields(told.get(answer['id'] as string)![answer['version'] - 1]!)).toEqual(ownFields(answer));
}
