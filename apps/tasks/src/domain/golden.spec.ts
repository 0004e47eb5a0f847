import { join } from 'node:path';
import { describeGoldenSamples } from '@works/platform/testing';
import { tasks } from '../aggregate';
import { testClocks } from '../test-clock';

describe('what is stored of tasks', () =>
  describeGoldenSamples(join(__dirname, 'golden'), tasks, 'task.created', {
    'task.created': [
      { checksum: 'e08e227b6ce5', means: { title: 'Order the glass partitions', status: 'open', metadata: { po: '4711' } } },
    ],
    'task.updated': [{ checksum: '96f834045569', means: { title: 'Order the glass doors', due_on: null, metadata: {} } }],
    'task.assigned': [{ checksum: '90b5585c4729', means: { assignee_id: 'usr_01JD8K3V9QWERTYASDFGHZXCVB' } }],
    'task.unassigned': [{ checksum: 'ea46d3c8d4f1', means: { assignee_id: null } }],
    'task.completed': [{ checksum: '0d516d9fa79f', means: { status: 'completed', completed_at: '2026-11-23T03:30:00.000Z' } }],
    'task.reopened': [{ checksum: 'ea46d3c8d4f1', means: { status: 'open' } }],
    'task.cancelled': [{ checksum: 'ac92894b5abf', means: { status: 'cancelled', cancelled_at: '2026-11-23T03:30:00.000Z' } }],
    'task.overdue': [{ checksum: 'ffafe1661777', means: { status: 'open', overdue_told_for: '2026-11-22T18:30:00.000Z' } }],
    'task.commented': [{ checksum: 'f45e6279dc3d', means: { updated_at: '2026-11-23T03:30:00.000Z' } }],
  }));

describe('what is stored of test clocks', () =>
  describeGoldenSamples(join(__dirname, 'golden'), testClocks, 'test_clock.advanced', {
    'test_clock.advanced': [{ checksum: 'bc67b2d6bbe0', means: { offset_ms: 172_800_000, updated_at: '2026-11-25T03:30:00.000Z' } }],
  }));
