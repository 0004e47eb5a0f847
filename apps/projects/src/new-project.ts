import type { CreateProjectBody } from '@works/contracts/projects';
import { timeZoneNamed, today } from '@works/platform/calendar';
import type { CommandRequest } from '@works/platform/event-store';
import type { FieldError } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import type { Delivery } from './domain/project';
import { scaffold, type PlannedMilestone } from './domain/scaffold';
import type { Anchor } from './domain/schedule';
import type { Template } from './domain/template';

/** What no single field can be blamed for, so the body's schema cannot say it. */
export function contradictionsIn(body: CreateProjectBody): FieldError[] {
  const errors: FieldError[] = [];
  const notAllowed = (pointer: string, detail: string) => errors.push({ pointer, code: 'not_allowed', detail });
  if (body.starts_on != null && body.due_on != null) notAllowed('/due_on', 'must not be given together with starts_on');
  if (body.template == null) {
    if (body.template_version != null) notAllowed('/template_version', 'must not be given without template');
    for (const field of ['roles', 'variables'] as const) {
      if (Object.keys(body[field] ?? {}).length > 0) notAllowed(`/${field}`, 'must not be given without template');
    }
  }
  return errors;
}

/** The project that is asked for, with everything said that was left open, and its plan. */
export function openingOf(
  body: CreateProjectBody,
  template: Template | null,
  { caller, now }: CommandRequest,
): { delivery: Delivery; plan: readonly PlannedMilestone[] } {
  const timeZone = (body.time_zone && timeZoneNamed(body.time_zone)) ?? caller.timeZone;
  const bare: Delivery = {
    id: newId('prj'),
    name: body.name,
    owner_id: body.owner_id as Delivery['owner_id'],
    deal_id: (body.deal_id ?? null) as Delivery['deal_id'],
    contact_id: (body.contact_id ?? null) as Delivery['contact_id'],
    reference: body.reference ?? null,
    time_zone: timeZone,
    starts_on: body.starts_on ?? null,
    due_on: body.due_on ?? null,
    template: null,
    roles: {},
    variables: {},
    metadata: body.metadata ?? {},
  };
  if (template === null) return { delivery: bare, plan: [] };

  const variables = body.variables ?? {};
  const brief = {
    ownerId: bare.owner_id,
    roles: (body.roles ?? {}) as Delivery['roles'],
    variables,
    anchor: anchorOf(body, now, timeZone),
    timeZone,
  };
  const { milestones, starts_on, due_on, roles } = scaffold(template, brief, newId);
  return {
    delivery: {
      ...bare,
      starts_on,
      due_on,
      template: { key: template.key, version: template.version },
      roles,
      variables: variables as Delivery['variables'],
    },
    plan: milestones,
  };
}

function anchorOf({ starts_on, due_on }: CreateProjectBody, now: Date, timeZone: string): Anchor {
  if (due_on != null) return { due_on };
  return { starts_on: starts_on ?? today(now, timeZone) };
}
