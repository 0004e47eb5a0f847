import { OneOf, Text } from '../fields';

export const ACTOR_TYPES = ['api_key', 'agent', 'system'] as const;

/** Who did it: of an event, a completion, a sign-off. */
export class Actor {
  @OneOf(ACTOR_TYPES)
  type!: (typeof ACTOR_TYPES)[number];

  @Text({ max: 255 })
  id!: string;
}
