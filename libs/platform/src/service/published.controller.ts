import { Controller, Get, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Unguarded } from '../http';
import { Lag } from './lag';
import { numberOf, told, type ProgressTold } from './progress-told';
import { Published, type PublishedFacts } from './published';

/** Facts in one answer. */
const FACTS_MAX = 1_000;

/** Tells the other services how far this one's relay has published. */
@Controller()
export class PublishedController {
  constructor(
    private readonly published: Published,
    private readonly lag: Lag,
  ) {}

  /**
   * How far this service's store has come, and how far its relay: `{ "epoch", "settled", "published" }`. Up to `settled` no fact will still appear; up to
   * `published` the event log has had them all.
   */
  @Get('/internal/progress')
  @Unguarded()
  async progress(): Promise<ProgressTold> {
    return told(await this.published.progress());
  }

  /** Which facts the relay has published, a thousand at a time: `?epoch=…&at=…` answers `{ "epoch", "data": [ { "id", "position" } ] }`. */
  @Get('/internal/published_facts')
  @Unguarded()
  async facts(@Req() request: FastifyRequest): Promise<PublishedFacts> {
    const { epoch, at } = request.query as Record<string, string | undefined>;
    return this.published.after({ epoch: epoch || null, at: numberOf(at) ?? 0n }, FACTS_MAX);
  }

  /** How many messages this service's consumer group has still to handle. */
  @Get('/internal/lag')
  @Unguarded()
  async behind(): Promise<{ lag: number }> {
    return { lag: await this.lag.now() };
  }
}
