import { setTimeout as delay } from 'node:timers/promises';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Pool } from 'undici';
import type { Tenant } from '@works/platform/caller';
import type { Logger } from '@works/platform/logging';
import { Problem } from '@works/platform/problems';
import { Admission, secondsUntil, type BacklogSeen } from './admission';

/** Asked while mutations come, and not sooner again than this: in this time one organization writes some hundred facts. */
const LOOK_EVERY_MS = 100;
/** A look goes on without a service that takes longer; its last answer stands until it is this old, and then it presses nobody. */
const SLOW_MS = 500;
const ANSWER_STANDS_MS = 2_000;
const ANSWER_MS = 5_000;
const LIMITS = { waitingMax: 128, goAtOnceMax: 16 } as const;
/** Longer than this nobody is sent away for: by then other things will have happened. */
const RETRY_AFTER_SECONDS_MAX = 30;

/** A tenant with more unpublished facts in a service than were asked about. */
export interface Backlog {
  readonly organization_id: string;
  readonly livemode: boolean;
  /** The service counts to 10,000. */
  readonly facts: number;
}

/** The tenants of one service with more than so many unpublished facts. */
export type AskBacklogs = (over: number) => Promise<readonly Backlog[]>;

export const backlogsOf =
  (service: Pool): AskBacklogs =>
  async (over) => {
    const { statusCode, body } = await service.request({
      method: 'GET',
      path: `/internal/backlogs?over=${over}`,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (statusCode !== 200) {
      await body.dump();
      throw new Error(`it answered ${statusCode}`);
    }
    return ((await body.json()) as { data: readonly Backlog[] }).data;
  };

export interface AdmissionControlOptions {
  readonly services: ReadonlyMap<string, AskBacklogs>;
  /** Unpublished facts of a tenant in any one service beyond which its mutations wait. */
  readonly factsMax: number;
  /** How long one waits before it is refused, and up to one look longer. */
  readonly waitMs: number;
  readonly logger: Logger;
  readonly registry: Registry;
}

/** The client's side of a request, as Node has it. */
export interface Client {
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

interface Ticket {
  end(outcome: 'goes' | 'refused' | 'left'): void;
}

interface Asked {
  readonly ask: AskBacklogs;
  inFlight: Promise<void> | null;
  answer: readonly Backlog[];
  answeredAtMs: number;
  failed: boolean;
}

interface Pressed {
  readonly service: string;
  readonly now: BacklogSeen;
  readonly highest: BacklogSeen;
}

/**
 * Holds up the mutations of an organization that writes faster than its facts are published, so that what it has just written is never minutes away, and
 * nobody else's. It asks the services while mutations come; one that does not answer presses nobody.
 */
export class AdmissionControl {
  private readonly admission: Admission<Ticket>;
  private readonly services: ReadonlyMap<string, Asked>;
  private pressed: ReadonlyMap<string, Pressed> = new Map();
  private isAsking = false;
  /** A mutation has come that the look under way may not have been for. */
  private isWanted = false;
  private stopped = false;
  private readonly refused: Counter;

  constructor(private readonly options: AdmissionControlOptions) {
    const never = { inFlight: null, answer: [], answeredAtMs: -Infinity, failed: false };
    this.services = new Map([...options.services].map(([name, ask]) => [name, { ask, ...never }]));
    const registers = [options.registry];
    const admission = new Admission<Ticket>({ ...LIMITS, waitMs: options.waitMs });
    this.admission = admission;
    new Gauge({
      name: 'works_gateway_held',
      help: 'Mutations that wait until their organization’s backlog is shorter.',
      registers,
      collect() {
        this.set(admission.waiting);
      },
    });
    this.refused = new Counter({
      name: 'works_gateway_refused_backlog_total',
      help: 'Mutations refused because their organization’s backlog was too long.',
      registers,
    });
  }

  /** Resolves with true once a mutation of the tenant may go on, with false when its client has gone away; rejects with 429 backlog_too_long. */
  async admit(of: Tenant, client: Client): Promise<boolean> {
    if (this.stopped) return true;
    this.wake();
    const tenant = nameOf(of);
    const outcome = await new Promise<'goes' | 'refused' | 'left'>((resolve) => {
      const leave = () => {
        this.admission.leave(tenant, ticket);
        ticket.end('left');
      };
      const ticket: Ticket = {
        end: (how) => {
          client.off('close', leave);
          resolve(how);
        },
      };
      const arrival = this.admission.arrive(tenant, ticket, performance.now());
      if (arrival !== 'waits') return resolve(arrival);
      if (client.destroyed) return leave();
      client.once('close', leave);
    });
    if (outcome === 'refused') throw this.refusal(tenant);
    return outcome === 'goes';
  }

  /** Lets all go on, and asks no more. */
  stop(): void {
    this.stopped = true;
    for (const ticket of this.admission.open()) ticket.end('goes');
  }

  private wake(): void {
    this.isWanted = true;
    if (!this.isAsking) void this.lookWhileWanted();
  }

  private async lookWhileWanted(): Promise<void> {
    this.isAsking = true;
    while ((this.isWanted || this.admission.waiting > 0) && !this.stopped) {
      const next = performance.now() + LOOK_EVERY_MS;
      this.isWanted = false;
      await this.look();
      await delay(Math.max(next - performance.now(), 0), undefined, { ref: false });
    }
    this.isAsking = false;
  }

  private async look(): Promise<void> {
    const answers = [...this.services].map(([name, asked]) => (asked.inFlight ??= this.ask(name, asked)));
    await Promise.race([Promise.all(answers), delay(SLOW_MS, undefined, { ref: false })]);
    this.pressed = this.pressedNow(performance.now());
    const { go, refused } = this.admission.look(new Set(this.pressed.keys()), performance.now());
    for (const ticket of refused) ticket.end('refused');
    for (const ticket of go) ticket.end('goes');
  }

  private async ask(name: string, asked: Asked): Promise<void> {
    try {
      asked.answer = await asked.ask(this.options.factsMax);
      asked.failed = false;
    } catch (error) {
      asked.answer = [];
      if (!asked.failed && !this.stopped)
        this.options.logger.warn({ err: error, service: name }, 'a service does not say what it has unpublished; nobody waits for it');
      asked.failed = true;
    } finally {
      asked.answeredAtMs = performance.now();
      asked.inFlight = null;
    }
  }

  /** Each tenant with the service that is the farthest behind with it. */
  private pressedNow(nowMs: number): Map<string, Pressed> {
    const pressed = new Map<string, Pressed>();
    for (const [service, { answer, answeredAtMs }] of this.services) {
      if (nowMs - answeredAtMs > ANSWER_STANDS_MS) continue;
      for (const { organization_id: organizationId, livemode, facts } of answer) {
        const tenant = nameOf({ organizationId, livemode });
        const now = { facts, atMs: answeredAtMs };
        if (facts <= (pressed.get(tenant)?.now.facts ?? 0)) continue;
        const before = this.pressed.get(tenant);
        const highest = before?.service === service && before.highest.facts > facts ? before.highest : now;
        pressed.set(tenant, { service, now, highest });
      }
    }
    return pressed;
  }

  private refusal(tenant: string): Problem {
    this.refused.inc();
    const backlog = this.pressed.get(tenant) ?? null;
    const { factsMax } = this.options;
    const seconds = secondsUntil(factsMax, backlog?.highest ?? null, backlog?.now ?? null, RETRY_AFTER_SECONDS_MAX);
    const behind = backlog === null ? '' : ` The ${backlog.service} service alone has at least ${backlog.now.facts}.`;
    return new Problem(
      'backlog_too_long',
      `More than ${factsMax} changes of your organization have not been passed on yet.${behind} This request has waited its time or found the queue full, ` +
        `and nothing was done. Send it again later, with the same Idempotency-Key.`,
      {},
      { 'retry-after': String(seconds) },
    );
  }
}

const nameOf = ({ organizationId, livemode }: Tenant): string => `${organizationId} ${livemode}`;
