/** On whose behalf something is asked. Every query takes one first: nothing is read without knowing whose it is. */
export interface Caller {
  organizationId: string;
  livemode: boolean;
  actor: Actor;
  scopes: readonly string[];
  /** IANA name; the zone in which the organization's days begin. */
  timeZone: string;
}

export interface Actor {
  type: 'api_key' | 'agent' | 'system';
  id: string;
}

/** The tenant: everything belongs to one organization and one mode. Row-level security compares with exactly these two. */
export type Tenant = Pick<Caller, 'organizationId' | 'livemode'>;
