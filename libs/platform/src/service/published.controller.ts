import { Controller, Get, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Unguarded } from '../http';
import { Lag } from './lag';
import { Published, type PublishedFacts } from './published';

/** Facts in one answer. */
const FACTS_MAX = 1_000;

const NUMBER_MAX = 2n ** 63n - 1n;

/**
 * Tells the other services how far this one's relay has published.
 * `GET /internal/published?organization_id=…&livemode=true&epoch=…&at=…&wait=<ms>` answers `{ "published": true | false | null }`; null for a position
 * that this service cannot have told.
 */
@Controller()
export class PublishedController {
  constructor(
    private readonly published: Published,
    private readonly lag: Lag,
  ) {}

  @Get('/internal/published')
  @Unguarded()
  async answer(@Req() request: FastifyRequest): Promise<{ published: boolean | null }> {
    const { organization_id: organizationId, livemode, epoch, at, wait } = request.query as Record<string, string | undefined>;
    const position = numberOf(at);
    if (position === null || organizationId === undefined) return { published: null };
    const tenant = { organizationId, livemode: livemode === 'true' };
    const waitMs = Math.min(Number(wait) || 0, 5_000);
    return { published: await this.published.through(tenant, { epoch: epoch || null, at: position, claimed: false }, waitMs) };
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

function numberOf(text: string | undefined): bigint | null {
  if (!/^\d{1,19}$/.test(text ?? '')) return null;
  const number = BigInt(text!);
  return number > NUMBER_MAX ? null : number;
}
