import type { Pool } from 'pg';
import type { Published } from './published';

/**
 * What became of a fact: it is in the event log; it will be; outsiders are not told of it; or this service knows no such fact.
 */
export type FactFate = 'published' | 'unpublished' | 'never_public' | 'unknown';

interface FateRow {
  id: string;
  position: string;
  fate: Exclude<FactFate, 'unknown'>;
}

/** Answers for the facts of this service, by their ids. */
export class FactFates {
  constructor(
    /** Of the worker role. */
    private readonly pool: Pool,
    private readonly published: Pick<Published, 'again'>,
  ) {}

  async of(ids: readonly string[]): Promise<Map<string, FactFate>> {
    const known = new Map((await this.look(ids)).map(({ id, fate }) => [id, fate]));
    return new Map(ids.map((id) => [id, known.get(id) ?? 'unknown']));
  }

  /** Has those published again that have been. */
  async tellAgain(ids: readonly string[]): Promise<void> {
    const published = (await this.look(ids)).filter(({ fate }) => fate === 'published');
    await this.published.again(published.map(({ position }) => position));
  }

  private async look(ids: readonly string[]): Promise<FateRow[]> {
    const { rows } = await this.pool.query<FateRow>(
      // What is to be published, also once more, is in the outbox.
      `select e.id, e.position::text as position,
              case when e.topic is null then 'never_public'
                   when (select true from outbox o where o.position = e.position) then 'unpublished'
                   else 'published' end as fate
         from works_facts_by_id($1) e`,
      [ids],
    );
    return rows;
  }
}
