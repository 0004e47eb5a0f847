import { join } from 'node:path';
import { describeGoldenSamples } from '@works/platform/testing';
import { milestones, projects } from '../aggregates';

const folder = join(__dirname, 'golden');
const AT = '2026-11-23T03:30:00.000Z';

describe('what is stored of projects', () =>
  describeGoldenSamples(folder, projects, 'project.created', {
    'project.created': [{ checksum: 'bcd4f330d22a', means: { name: 'Site fit-out', status: 'active', variables: { floor_area: 120 } } }],
    'project.updated': [{ checksum: '77b2b05b541b', means: { name: 'Site fit-out, second floor', due_on: null, metadata: {} } }],
    'project.closed': [{ checksum: 'c922aca9e256', means: { status: 'closed', outcome: 'delivered', closed_at: AT } }],
    'project.reopened': [{ checksum: 'f2cc3595bbbe', means: { status: 'active' } }],
  }));

describe('what is stored of milestones', () =>
  describeGoldenSamples(folder, milestones, 'milestone.added', {
    'milestone.added': [{ checksum: 'b59d24fc4a07', means: { name: 'Handover', status: 'pending', position: 1 } }],
    'milestone.updated': [{ checksum: 'bac4e29de316', means: { name: 'Handover of the keys', position: 2, billing: null } }],
    'milestone.reached': [{ checksum: '942c34a6f15b', means: { status: 'reached', reached_at: AT } }],
    'milestone.reopened': [{ checksum: 'f9deda68991a', means: { status: 'pending' } }],
    'milestone.invoice_requested': [
      { checksum: 'e233c5dbbbeb', means: { invoice: { status: 'pending', number: 1, attempts: 0, bills: expect.anything() } } },
    ],
    // Of an invoice that the milestone does not have any more: said, and nothing else.
    'milestone.invoice_drafted': [{ checksum: '72b4a459e7b3', means: { status: 'pending', updated_at: AT } }],
    'milestone.invoice_failed': [{ checksum: 'f784f4a94811', means: { status: 'pending', updated_at: AT } }],
  }));
