/** Reads one variable; throws with what was expected, never with the value, which may be a secret. */
export type Reader<T> = (value: string | undefined) => T;

class Expected extends Error {}

/** Every bad variable of a start, named at once. */
export class BadConfiguration extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The environment is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'BadConfiguration';
  }
}

export function readConfig<Spec extends Record<string, [variable: string, reader: Reader<unknown>]>>(
  spec: Spec,
  env: NodeJS.ProcessEnv,
): { [Name in keyof Spec]: ReturnType<Spec[Name][1]> } {
  const problems: string[] = [];
  const values = Object.entries(spec).map(([name, [variable, reader]]) => {
    const value = env[variable] === '' ? undefined : env[variable];
    try {
      return [name, reader(value)];
    } catch (error) {
      if (!(error instanceof Expected)) throw error;
      problems.push(`${variable} ${value === undefined ? 'is missing' : 'is wrong'}: expected ${error.message}`);
      return [name, undefined];
    }
  });
  if (problems.length > 0) throw new BadConfiguration(problems);
  return Object.fromEntries(values) as { [Name in keyof Spec]: ReturnType<Spec[Name][1]> };
}

/** Refuses a value; `what` is told to whoever starts the process. */
export const expected = (what: string): never => {
  throw new Expected(what);
};

export const text =
  (what = 'text', minLength = 1): Reader<string> =>
  (value) =>
    value !== undefined && value.length >= minLength ? value : expected(what);

export const oneOf =
  <const Value extends string>(values: readonly Value[], otherwise?: Value): Reader<Value> =>
  (value) =>
    (values as readonly string[]).includes(value ?? '')
      ? (value as Value)
      : value === undefined && otherwise !== undefined
        ? otherwise
        : expected(`one of ${values.join(', ')}`);

export const flag =
  (otherwise: boolean): Reader<boolean> =>
  (value) =>
    value === undefined ? otherwise : value === 'true' ? true : value === 'false' ? false : expected('true or false');

export const wholeNumber =
  (min: number, max: number, otherwise?: number): Reader<number> =>
  (value) => {
    if (value === undefined && otherwise !== undefined) return otherwise;
    const number = Number(value);
    return /^\d+$/.test(value ?? '') && number >= min && number <= max ? number : expected(`a whole number from ${min} to ${max}`);
  };

export const postgresUrl: Reader<string> = (value) =>
  /^postgres(ql)?:\/\/.+/.test(value ?? '') ? value! : expected('a postgresql:// address');

/** `http://host:port`, or `unix:/path/of.sock`. */
export const serviceUrl: Reader<string> = (value) =>
  /^(https?:\/\/[^/]+|unix:\/.+)$/.test(value ?? '') ? value! : expected('http://host:port or unix:/path/of.sock');

export const optional =
  <T>(reader: Reader<T>): Reader<T | null> =>
  (value) =>
    value === undefined ? null : reader(value);
