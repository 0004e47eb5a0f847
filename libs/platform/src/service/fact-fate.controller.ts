import { Controller, Get, HttpCode, Inject, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { Unguarded } from '../http';
import { isId } from '../ids';
import { FactFates, type FactFate } from './fact-fates';
import { Published } from './published';
import { WORKER_POOL } from './tokens';

/** Ids in one question; they have to fit into its address. */
export const FATES_MAX = 200;

/** Tells whoever waits for a fact of this service whether it will come. It names no tenant and nothing of anybody's data. */
@Controller()
export class FactFateController {
  private readonly fates: FactFates;

  constructor(@Inject(WORKER_POOL) workers: Pool, published: Published) {
    this.fates = new FactFates(workers, published);
  }

  /** `GET /internal/fact_fates?ids=<id>,…` answers `{ "data": [ { "id", "fate": "published" | "unpublished" | "never_public" | "unknown" } ] }`. */
  @Get('/internal/fact_fates')
  @Unguarded()
  async answer(@Req() request: FastifyRequest): Promise<{ data: readonly { id: string; fate: FactFate }[] }> {
    return { data: [...(await this.fates.of(idsOf(request)))].map(([id, fate]) => ({ id, fate })) };
  }

  /** Publishes facts once more: `POST /internal/tell_facts_again?ids=<id>,…`. What has not been published yet is passed over: it will be. */
  @Post('/internal/tell_facts_again')
  @HttpCode(204)
  @Unguarded()
  async tellAgain(@Req() request: FastifyRequest): Promise<void> {
    await this.fates.tellAgain(idsOf(request));
  }
}

const idsOf = (request: FastifyRequest): string[] =>
  String((request.query as Record<string, string | undefined>)['ids'] ?? '')
    .split(',')
    .filter((id) => isId('evt', id))
    .slice(0, FATES_MAX);
