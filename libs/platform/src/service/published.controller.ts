import { Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Unguarded } from '../http';
import { placeOf, placesOf } from './places';
import { Lag } from './lag';
import { Published } from './published';

/** Facts in one answer. */
const FACTS_MAX = 1_000;

/**
 * Tells the other services how far this one's relay has published. It names no tenant and nothing of anybody's data.
 * `GET /internal/published?through=<position>&wait=<ms>` answers `{ "published": true | false }`.
 */
@Controller()
export class PublishedController {
  constructor(
    private readonly published: Published,
    private readonly lag: Lag,
  ) {}

  @Get('/internal/published')
  @Unguarded()
  async answer(@Req() request: FastifyRequest): Promise<{ published: boolean }> {
    const { through, wait } = request.query as Record<string, string | undefined>;
    if (!/^\d{1,19}$/.test(through ?? '')) return { published: false };
    return { published: await this.published.through(BigInt(through!), Math.min(Number(wait) || 0, 5_000)) };
  }

  /**
   * Which facts the relay has published, by id: `GET /internal/told?after=<tx>:<position>` answers `{ "data": [ { "id", "tx", "position" } ] }`,
   * a thousand at a time.
   */
  @Get('/internal/told')
  @Unguarded()
  async told(@Req() request: FastifyRequest): Promise<{ data: readonly object[] }> {
    const after = placeOf((request.query as Record<string, string | undefined>)['after']);
    return { data: after === null ? [] : await this.published.after(after, FACTS_MAX) };
  }

  /** Publishes facts once more: `POST /internal/tell_again?places=<tx>:<position>,…`. What is no fact of this service is passed over. */
  @Post('/internal/tell_again')
  @HttpCode(204)
  @Unguarded()
  async tellAgain(@Req() request: FastifyRequest): Promise<void> {
    await this.published.again(placesOf((request.query as Record<string, string | undefined>)['places']));
  }

  /** How many messages this service's consumer group has still to handle. */
  @Get('/internal/lag')
  @Unguarded()
  async behind(): Promise<{ lag: number }> {
    return { lag: await this.lag.now() };
  }
}
