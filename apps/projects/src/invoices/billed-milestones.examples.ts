import type { Milestone } from '@works/contracts/milestones';
import type { Project } from '@works/contracts/projects';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import type { ProjectsService } from '../projects-service.examples';

export const BILLING = { items: [{ catalog_item_id: newId('itm'), qty: 1 }], due_in_days: 7 };

/** What specs of invoices do with a service, as one caller. */
export function billed(service: ProjectsService, caller: Caller) {
  const { get, post, patch } = service.as(caller);
  const read = async (id: string) => (await get(`/milestones/${id}`)).json<Milestone>();

  return {
    read,
    reach: (id: string) => post(`/milestones/${id}/reach`),
    reopen: (id: string) => post(`/milestones/${id}/reopen`),
    retry: (id: string, headers: Record<string, string> = {}) => post(`/milestones/${id}/invoice/retry`, undefined, headers),
    patch,
    post,

    project: async (contact_id: string | null = newId('ctc')) =>
      (await post('/projects', { name: 'Site fit-out', owner_id: newId('usr'), contact_id })).json<Project>(),

    milestone: async (projectId: string, body: object = {}) =>
      (await post(`/projects/${projectId}/milestones`, { name: 'Handover', billing: BILLING, ...body })).json<Milestone>(),

    /** Waits until the invoice is as wanted. */
    becomes: (id: string, wanted: object): Promise<Milestone> =>
      eventually(async () => {
        const milestone = await read(id);
        expect(milestone.invoice).toMatchObject(wanted);
        return milestone;
      }),

    /** As if the time of every wait and every lease had passed. */
    letTimePass: () => service.write(caller, 'update invoice_drafts set due_at = now()'),

    jobs: () => service.query<{ event_id: string; contact_id: string | null }>(caller, 'select event_id, contact_id from invoice_drafts'),

    eventIds: async (id: string, type: string): Promise<string[]> =>
      (await service.eventsOf(caller, id)).filter((event) => event.type === type).map((event) => event.public!.id),

    typesOf: async (id: string) => (await service.eventsOf(caller, id)).map(({ type }) => type),
  };
}
