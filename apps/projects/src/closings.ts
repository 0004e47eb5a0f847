import type { TenantTransaction } from '@works/platform/tenancy';

export interface Cancellation {
  readonly taskId: string;
  readonly projectId: string;
  readonly at: string;
}

/**
 * Those tasks that their project's closing has cancelled: at the instant of the closing, which nobody else's word carries. They are heard of
 * after it, perhaps when the project has been reopened already.
 */
export async function cancelledByClosing(tx: TenantTransaction, cancellations: readonly Cancellation[]): Promise<ReadonlySet<string>> {
  if (cancellations.length === 0) return new Set();
  const { rows } = await tx.query<{ task_id: string }>({
    name: 'projects_cancelled_by_closing',
    // A scalar look-up, so that each finds its project's few events by the index on streams.
    text: `select c.task_id from unnest($1::text[], $2::text[], $3::timestamptz[]) as c(task_id, project_id, at)
            where (select true from events e where e.stream_id = c.project_id and e.type = 'project.closed' and e.occurred_at = c.at limit 1)`,
    values: [cancellations.map(({ taskId }) => taskId), cancellations.map(({ projectId }) => projectId), cancellations.map(({ at }) => at)],
  });
  return new Set(rows.map(({ task_id }) => task_id));
}
