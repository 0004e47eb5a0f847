import type { AppliedReplayFilter, Replay } from '@works/contracts/replays';

export interface ReplayRow {
  id: string;
  kind: Replay['kind'];
  endpoint_id: string | null;
  /** What was asked for, as it was asked. */
  filter: Partial<AppliedReplayFilter>;
  rate_per_second: number;
  status: Replay['status'];
  total: number;
  replayed: number;
  version: number;
  ended_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

export const REPLAY_COLUMNS =
  'j.id, j.kind, j.endpoint_id, j.filter, j.rate_per_second, j.status, j.total::float, j.replayed::float, j.version, j.ended_at, j.created_at, j.updated_at';

export const presentFilter = (filter: Partial<AppliedReplayFilter>): AppliedReplayFilter => ({
  endpoint_id: null,
  event_type: null,
  stage: null,
  from_position: null,
  ...filter,
  since: instant(filter.since),
  until: instant(filter.until),
});

const instant = (text: string | null | undefined): string | null => (text == null ? null : new Date(text).toISOString());

export function presentReplay(row: ReplayRow): Replay {
  const left = row.total - row.replayed;
  return {
    id: row.id,
    object: 'replay',
    kind: row.kind,
    filter: presentFilter(row.filter),
    rate_per_second: row.rate_per_second,
    status: row.status,
    progress: {
      total: row.total,
      replayed: row.replayed,
      skipped: row.status === 'completed' ? left : 0,
      remaining: row.status === 'completed' ? 0 : left,
    },
    ended_at: row.ended_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    version: row.version,
  };
}
