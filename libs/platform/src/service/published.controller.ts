import { Controller, Get, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Unguarded } from '../http';
import { Lag } from './lag';
import { Published } from './published';

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

  /** How many messages this service's consumer group has still to handle. */
  @Get('/internal/lag')
  @Unguarded()
  async behind(): Promise<{ lag: number }> {
    return { lag: await this.lag.now() };
  }
}
