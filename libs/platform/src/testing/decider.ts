import { fold, type Evolve } from '../decider';
import { RuleViolation } from '../errors';

/** The words in which a decider is specified: given(what happened).when(what is asked).then(what happens | nothing | a refusal) */
export const specificationOf =
  <State, Event>(evolve: Evolve<State, Event>) =>
  (...history: Event[]) => ({
    when: (decide: (state: State) => readonly Event[]) => {
      const decided = () => decide(fold(evolve, history)!);
      return {
        then: (...events: Event[]) => expect(decided()).toEqual(events),
        thenNothing: () => expect(decided()).toEqual([]),
        /** `extra` names further members of the problem that must be there. */
        thenRefused: (code: string, extra: object = {}) => expect(refusalOf(decided)).toMatchObject({ code, extra }),
      };
    },
  });

/** The rule that said no. Fails when none did; what is thrown besides is a bug, and stays one. */
export function refusalOf(decide: () => unknown): RuleViolation {
  try {
    throw new Error(`Not refused, but: ${JSON.stringify(decide())}`);
  } catch (error) {
    if (error instanceof RuleViolation) return error;
    throw error;
  }
}
