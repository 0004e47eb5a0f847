import type { EventType, PublicEvent } from '@works/contracts/events';

interface Named {
  project?: { name: string };
  milestone?: { name: string };
  task?: { title: string; assignee_id: string | null };
}

/** An event in words a customer could read. */
export function phraseOf(event: PublicEvent): string {
  const { project, milestone, task } = event.data as Named;
  const phrases: Record<EventType, () => string> = {
    'project.created': () => `${project?.name} opened`,
    'project.updated': () => `${project?.name} changed`,
    'project.closed': () => `${project?.name} closed`,
    'project.reopened': () => `${project?.name} reopened`,
    'milestone.added': () => `${milestone?.name} added`,
    'milestone.updated': () => `${milestone?.name} changed`,
    'milestone.reached': () => `${milestone?.name} reached`,
    'milestone.reopened': () => `${milestone?.name} reopened`,
    'task.created': () => `${task?.title} added`,
    'task.updated': () => `${task?.title} changed`,
    'task.assigned': () => `${task?.title} landed in the queue of ${task?.assignee_id}`,
    'task.unassigned': () => `${task?.title} taken out of its queue`,
    'task.completed': () => `${task?.title} completed`,
    'task.reopened': () => `${task?.title} reopened`,
    'task.cancelled': () => `${task?.title} cancelled`,
    'task.commented': () => `${task?.title} commented on`,
  };
  return phrases[event.type]();
}
