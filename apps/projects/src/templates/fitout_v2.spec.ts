import { ASHA, countedIds } from '../domain/delivery.examples';
import { scaffold } from '../domain/scaffold';
import { faultsIn } from '../domain/template-faults';
import { fitoutV2 } from './fitout_v2';

const tasks = fitoutV2.milestones.flatMap((milestone) => milestone.tasks);

describe('fitout_v2', () => {
  it('could be published like any other', () => {
    expect(faultsIn(fitoutV2)).toEqual([]);
  });

  it('has five milestones and 24 tasks, keys unique', () => {
    expect(fitoutV2.milestones).toHaveLength(5);
    expect(new Set(tasks.map(({ key }) => key)).size).toBe(24);
    expect(new Set(fitoutV2.milestones.map(({ key }) => key)).size).toBe(5);
  });

  // Guarantees that working down the list never meets a task that is blocked.
  it('lets every task depend only on tasks before it', () => {
    const seen = new Set<string>();
    for (const { key, depends_on } of tasks) {
      for (const dependency of depends_on) expect(seen).toContain(dependency);
      seen.add(key);
    }
  });

  it('gives every task to a role it has, and every role to the owner by default', () => {
    const roles = fitoutV2.roles.map(({ key }) => key);
    for (const { role } of tasks) expect(roles).toContain(role);
    expect(fitoutV2.roles.every((role) => role.default === 'owner')).toBe(true);
    expect(new Set(tasks.map(({ role }) => role))).toEqual(new Set(roles));
  });

  it('asks for a sign-off at the handover, and only there', () => {
    expect(fitoutV2.milestones.filter((milestone) => milestone.requires_sign_off).map(({ key }) => key)).toEqual(['snagging_and_handover']);
  });

  it.each([
    [{ starts_on: '2026-11-23' }, '2026-11-23', '2027-02-13'],
    [{ due_on: '2027-02-13' }, '2026-11-23', '2027-02-13'],
    [{ starts_on: '2027-09-25' }, '2027-09-25', '2027-12-20'],
  ])('plans from %j', (anchor, starts_on, due_on) => {
    const plan = scaffold(fitoutV2, { ownerId: ASHA, roles: {}, variables: {}, anchor, timeZone: 'Asia/Kolkata' }, countedIds());
    expect(plan).toMatchObject({ starts_on, due_on });
    const due = plan.milestones.map((milestone) => milestone.due_on);
    expect([...due].sort()).toEqual(due);
    for (const milestone of plan.milestones) for (const task of milestone.tasks) expect(task.due_on <= milestone.due_on).toBe(true);
  });
});
