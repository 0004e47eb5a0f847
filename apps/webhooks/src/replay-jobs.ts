import { Injectable } from '@nestjs/common';
import type { AppliedReplayFilter, Replay, ReplayPreview } from '@works/contracts/replays';
import { RuleViolation } from '@works/platform/errors';
import { EventStore, requireMatch, type CommandRequest, type RecordedAnswer, type Statement } from '@works/platform/event-store';
import { newId } from '@works/platform/ids';
import { json } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { ReplayRunner } from './delivery/replay-runner';
import { presentFilter, presentReplay, REPLAY_COLUMNS, type ReplayRow } from './read-models/replay-row';

const RATE_PER_SECOND = 100;

/** A job as it was counted, before it is one. */
export interface PlannedReplay {
  readonly kind: Replay['kind'];
  readonly endpointId: string | null;
  readonly filter: Partial<AppliedReplayFilter>;
  readonly total: number;
  /** What it begins after: the id of a dead letter, or a position. */
  readonly place: string;
  /** The position of the last event, where it is about events. */
  readonly through: number | null;
  /** When it was counted, by the database's clock: what comes later is not part of it. */
  readonly at: Date;
}

interface Asked {
  readonly rate_per_second?: number;
  readonly dry_run?: boolean;
}

/** The corridor of replay jobs: how they begin, and how their users stop them and let them go on. */
@Injectable()
export class ReplayJobs {
  constructor(
    private readonly store: EventStore,
    private readonly database: TenantDatabase,
    private readonly runner: ReplayRunner,
  ) {}

  async start(
    request: CommandRequest,
    { rate_per_second = RATE_PER_SECOND, dry_run = false }: Asked,
    plan: () => Promise<PlannedReplay>,
  ): Promise<RecordedAnswer> {
    if (dry_run) return json(JSON.stringify(previewOf(await plan(), rate_per_second)));
    const answer = await this.store.create(
      request,
      async () => {
        const row = rowOf(await plan(), rate_per_second);
        const body = presentReplay(row);
        return {
          changes: [],
          statements: [insert(row, request)],
          answer: { status: 202, body, version: row.version, location: `/replays/${row.id}` },
        };
      },
      {
        refusal: (constraint) =>
          constraint === 'replay_jobs_room' ? new RuleViolation('too_many_replays', 'Ten replays have not ended yet.') : null,
      },
    );
    this.runner.wake();
    return answer;
  }

  /** To the status that `wanted` names; a job that is there already stays as it is. Steps go on meanwhile: it is decided again on what they left. */
  async change(request: CommandRequest, id: string, wanted: Replay['status']): Promise<RecordedAnswer> {
    const answer = await this.store.create(request, async () => {
      const job = await this.find(request, id);
      if (job.status === wanted) return { changes: [], answer: answerOf(job) };
      if (job.ended_at !== null) throw new RuleViolation('replay_ended', `It was ${job.status} at ${job.ended_at.toISOString()}.`);
      // The queue runs by the wall clock, whatever a test clock says.
      const at = new Date();
      const changed = {
        ...job,
        status: wanted,
        version: job.version + 1,
        updated_at: at,
        ended_at: wanted === 'cancelled' ? at : null,
      };
      return { changes: [], statements: [write(job, changed)], answer: answerOf(changed) };
    });
    this.runner.wake();
    return answer;
  }

  private async find(request: CommandRequest, id: string): Promise<ReplayRow> {
    const [job] = await this.database.query<ReplayRow>(request.caller, `select ${REPLAY_COLUMNS} from replay_jobs j where j.id = $1`, [id]);
    if (job === undefined) throw new Problem('not_found', 'There is no such resource.');
    requireMatch(request, job.version);
    return job;
  }
}

const rowOf = (plan: PlannedReplay, ratePerSecond: number): ReplayRow & Pick<PlannedReplay, 'place' | 'through'> => ({
  id: newId('rpl'),
  kind: plan.kind,
  endpoint_id: plan.endpointId,
  filter: plan.filter,
  rate_per_second: ratePerSecond,
  status: 'running',
  total: plan.total,
  replayed: 0,
  version: 1,
  ended_at: null,
  created_at: plan.at,
  updated_at: plan.at,
  place: plan.place,
  through: plan.through,
});

const previewOf = ({ kind, filter, total }: PlannedReplay, ratePerSecond: number): ReplayPreview => ({
  object: 'replay_preview',
  dry_run: true,
  kind,
  filter: presentFilter(filter),
  rate_per_second: ratePerSecond,
  total,
  seconds: Math.ceil(total / ratePerSecond),
});

const answerOf = (row: ReplayRow) => ({ status: 200, body: presentReplay(row), version: row.version });

const insert = (row: ReturnType<typeof rowOf>, { caller }: CommandRequest): Statement => ({
  text: 'select works_start_replay($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)',
  values: [
    ...[row.id, caller.organizationId, caller.livemode, row.kind, row.endpoint_id, JSON.stringify(row.filter)],
    ...[row.rate_per_second, row.place, row.through, row.total, row.created_at],
  ],
});

const write = (before: ReplayRow, { id, status, updated_at }: ReplayRow): Statement => ({
  text: 'select works_change_replay($1, $2, $3, $4)',
  values: [id, before.version, status, updated_at],
});
