import { Controller, Get, Query } from '@nestjs/common';
import { ListReplaysQuery, Replay } from '@works/contracts/replays';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, listOf, Operation, RequireScope, resource } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { presentReplay, REPLAY_COLUMNS, type ReplayRow } from './replay-row';

@Controller()
export class Replays {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/replays')
  @RequireScope('webhooks:read')
  @Operation({
    summary: 'List replays',
    description: 'Jobs, newest first, those that have ended too.',
    tag: 'Webhooks',
    query: ListReplaysQuery,
    answers: { 200: listOf(Replay) },
  })
  async listReplays(@CurrentCaller() caller: Caller, @Query() query: ListReplaysQuery) {
    const { status = null } = query;
    const page = this.pages.read(query, { name: 'replays', tenant: caller, filter: { status } });
    const rows = await this.database.query<ReplayRow>(
      caller,
      `select ${REPLAY_COLUMNS} from replay_jobs j
        where j.organization_id = $1 and j.livemode = $2 and ($3::text is null or j.status = $3) and ($4::text is null or j.id < $4)
        order by j.id desc limit $5`,
      [caller.organizationId, caller.livemode, status, page.after?.[0] ?? null, page.limit + 1],
    );
    return this.pages.answer(page, rows, (row) => [row.id], presentReplay);
  }

  @Get('/replays/:id')
  @RequireScope('webhooks:read')
  @Operation({
    summary: 'Get a replay',
    description: 'With its progress: what was made so far. How each delivery went is in the list of deliveries of its endpoint.',
    tag: 'Webhooks',
    answers: { 200: Replay },
  })
  async getReplay(@CurrentCaller() caller: Caller, @IdParam('id', 'rpl') id: string) {
    const [row] = await this.database.query<ReplayRow>(caller, `select ${REPLAY_COLUMNS} from replay_jobs j where j.id = $1`, [id]);
    if (row === undefined) throw new Problem('not_found', 'There is no such resource.');
    return resource(presentReplay(row), row.version);
  }
}
