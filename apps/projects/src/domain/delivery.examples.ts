import { fold } from '@works/platform/decider';
import type { Id } from '@works/platform/ids';
import { evolve as evolveMilestone, type Gate, type Milestone, type MilestoneEvent } from './milestone';
import { evolve as evolveProject, type Delivery, type Project, type ProjectEvent } from './project';
import type { IdSource } from './scaffold';
import type { Template, TemplateMilestone, TemplateTask } from './template';

/** Words for the specs: one plain project with one milestone, and what may have happened to them. */
export const MORNING = '2026-11-23T03:30:00.000Z';
export const NOON = '2026-11-23T06:30:00.000Z';
export const ASHA: Id<'usr'> = 'usr_01JD8K3V9QWERTYASDFGHZXCVB';
export const BRAM: Id<'usr'> = 'usr_01JD8K3V9QWERTYASDFGHZXCVC';
export const KEY = { type: 'api_key', id: 'key_01JD8K3V9QWERTYASDFGHZXCVB' } as const;
export const GLASS = { id: 'tsk_01JD8K3V9QWERTYASDFGHZXCVB', title: 'Order the glass partitions' } as const;
export const HANDOVER = { id: 'mst_01JD8K3V9QWERTYASDFGHZXCVB', name: 'Handover' } as const;

export const aDelivery = (overrides: Partial<Delivery> = {}): Delivery => ({
  id: 'prj_01JD8K3V9QWERTYASDFGHZXCVB',
  name: 'Site fit-out',
  owner_id: ASHA,
  deal_id: null,
  contact_id: null,
  reference: null,
  time_zone: 'Asia/Kolkata',
  starts_on: null,
  due_on: null,
  template: null,
  roles: {},
  variables: {},
  metadata: {},
  ...overrides,
});

export const aGate = (overrides: Partial<Gate> = {}): Gate => ({
  ...HANDOVER,
  project_id: 'prj_01JD8K3V9QWERTYASDFGHZXCVB',
  key: 'handover',
  position: 1,
  due_on: '2026-12-01',
  requires_sign_off: false,
  billing: null,
  ...overrides,
});

export const projectAfter = (...history: ProjectEvent[]): Project => fold(evolveProject, history)!;
export const milestoneAfter = (...history: MilestoneEvent[]): Milestone => fold(evolveMilestone, history)!;

/** Ids that count up: `tsk_1`, `mst_2`, … */
export function countedIds(): IdSource {
  let count = 0;
  return (prefix) => `${prefix}_${++count}`;
}

export const aTask = (key: string, overrides: Partial<TemplateTask> = {}): TemplateTask => ({
  key,
  title: `Do ${key}`,
  description: null,
  role: 'lead',
  due: { offset: 0, unit: 'days', from: 'milestone' },
  priority: 'normal',
  checklist: [],
  depends_on: [],
  ...overrides,
});

export const aPhase = (key: string, overrides: Partial<TemplateMilestone> = {}): TemplateMilestone => ({
  key,
  name: key,
  due: { offset: 5, unit: 'business_days', from: 'milestone' },
  requires_sign_off: false,
  billing: null,
  tasks: [],
  ...overrides,
});

export const aTemplate = (overrides: Partial<Template> = {}): Template => ({
  id: 'tpl_01JD8K3V9QWERTYASDFGHZXCVB',
  created_at: MORNING,
  published_at: MORNING,
  key: 'plain_v1',
  name: 'Plain',
  version: 1,
  calendar: { working_days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'], holidays: [] },
  roles: [{ key: 'lead', name: 'project lead', required: true, default: 'owner' }],
  variables: [],
  milestones: [aPhase('first')],
  ...overrides,
});
