import { LRUCache } from 'lru-cache';
import type { Caller } from '@works/platform/caller';

/** Mutations that are remembered; at a thousand a second the last half minute, which is when keys get mixed up. */
const KEYS_MAX = 30_000;

/**
 * Which service has taken an idempotency key. Each service keeps its own keys, for 24 hours and through every crash, and refuses another request
 * under one of them; that a key was spent at another service only the gateway can see. It sees what went through this process, lately.
 */
export class SpentKeys {
  private readonly services = new LRUCache<string, string>({ max: KEYS_MAX });

  note(caller: Caller, key: string, service: string): void {
    this.services.set(nameOf(caller, key), service);
  }

  isSpentElsewhere(caller: Caller, key: string, service: string): boolean {
    return (this.services.get(nameOf(caller, key)) ?? service) !== service;
  }
}

const nameOf = ({ organizationId, livemode }: Caller, key: string): string => `${organizationId} ${livemode} ${key}`;
