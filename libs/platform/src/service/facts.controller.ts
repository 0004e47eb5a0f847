import { Controller, Get, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../caller';
import { parsePlace } from '../caught-up';
import type { LogMessage } from '../event-log';
import { CurrentCaller } from '../http';
import { told, type ProgressTold } from './progress-told';
import { Published } from './published';

/** What another service is told about the facts that it may not have handled yet. */
export interface FactsTold extends ProgressTold {
  readonly messages: readonly LogMessage[];
  readonly next: string | null;
  readonly standing: readonly (string | null)[];
}

/** Tells another service the facts of a caller's tenant that it may not have handled yet, on behalf of that caller. */
@Controller()
export class FactsController {
  constructor(private readonly published: Published) {}

  /**
   * `GET /internal/facts?after=<epoch.at>&through=<epoch.at>,…&topics=…`, with `keys=…` for those of some keys of the event log, `own=true` for whatever
   * belongs to keys under which the caller has written in between, neither for all. `through` may be `now`.
   */
  @Get('/internal/facts')
  async answer(@CurrentCaller() caller: Caller, @Req() request: FastifyRequest): Promise<FactsTold> {
    const { after, through, topics, keys, own } = request.query as Record<string, string | undefined>;
    const limits =
      through === 'now' ? [await this.published.newest()] : listed(through).map((each) => parsePlace(each) ?? { epoch: null, at: 0n });
    const facts = await this.published.toHandle(caller, after === undefined ? null : parsePlace(after), limits, {
      topics: listed(topics),
      keys: keys === undefined ? null : listed(keys),
      actorId: own === 'true' ? caller.actor.id : null,
    });
    return {
      ...told(facts),
      messages: facts.messages,
      next: facts.next === null ? null : `${facts.epoch}.${facts.next}`,
      standing: facts.standing.map((at) => at?.toString() ?? null),
    };
  }
}

const listed = (text: string | undefined): string[] => (text === undefined || text === '' ? [] : text.split(','));
