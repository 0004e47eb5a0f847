import { newId } from '@works/platform/ids';
import type { Api } from '../support/api';

/** `fitout_v2`: project.created, and for each of its tasks task.created and task.assigned. */
export const TASKS_OF_TEMPLATE = 24;
const EVENTS_OF_PROJECT = 1 + 2 * TASKS_OF_TEMPLATE;
/** task.created, task.assigned, task.completed. */
const EVENTS_OF_TASK = 3;
/** Of so many turns one makes a project, the others a task each that is worked off. */
const TURNS_PER_PROJECT = 20;

/**
 * What clients do while processes die: projects from a template, and tasks that are created, assigned and completed, each request repeated under
 * its key until it is answered. It knows exactly which events must come of that.
 */
export class Traffic {
  readonly projects: string[] = [];
  readonly tasks: string[] = [];
  /** Events that the answers so far have promised. */
  events = 0;
  /** Answers that came from memory: the effect had happened in a process that died before it could say so. */
  replayed = 0;
  private planned = 0;
  private turns = 0;

  constructor(
    private readonly api: Api,
    private readonly eventsWanted: number,
  ) {}

  async run(clients: number): Promise<void> {
    await Promise.all(Array.from({ length: clients }, () => this.client()));
  }

  private async client(): Promise<void> {
    while (this.planned < this.eventsWanted) {
      const isProject = this.turns++ % TURNS_PER_PROJECT === 0;
      this.planned += isProject ? EVENTS_OF_PROJECT : EVENTS_OF_TASK;
      await (isProject ? this.project() : this.task());
    }
  }

  private async project(): Promise<void> {
    const id = await this.accept('/projects', { name: 'Site fit-out', owner_id: newId('usr'), template: 'fitout_v2' }, 201);
    this.events += EVENTS_OF_PROJECT;
    this.projects.push(id);
  }

  private async task(): Promise<void> {
    const id = await this.accept('/tasks', { title: 'Hang the doors' }, 201);
    await this.accept(`/tasks/${id}/assign`, { assignee_id: newId('usr') }, 200);
    await this.accept(`/tasks/${id}/complete`, {}, 200);
    this.events += EVENTS_OF_TASK;
    this.tasks.push(id);
  }

  private async accept(path: string, body: object, status: number): Promise<string> {
    const reply = await this.api.insist('POST', path, body);
    if (reply.status !== status) throw new Error(`POST ${path} answered ${reply.status}: ${reply.text}`);
    if (reply.headers.get('idempotent-replayed') === 'true') this.replayed++;
    return reply.body['id'] as string;
  }
}
