/** Longer than a healthy database needs to answer, shorter than whoever asks waits. */
const CHECK_MS = 2_000;

export type ReadyChecks = Readonly<Record<string, () => Promise<unknown>>>;

/** The names of the checks that reject, or that do not answer in time; they run side by side. */
export async function notReady(checks: ReadyChecks, withinMs = CHECK_MS): Promise<string[]> {
  const outcomes = await Promise.all(Object.entries(checks).map(async ([name, check]) => ((await passes(check, withinMs)) ? null : name)));
  return outcomes.filter((name) => name !== null);
}

async function passes(check: () => Promise<unknown>, withinMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((done) => {
    timer = setTimeout(() => done(false), withinMs);
  });
  try {
    return await Promise.race([
      late,
      Promise.resolve()
        .then(check)
        .then(() => true),
    ]);
  } catch {
    return false; // its name is the whole answer; why a part failed is in the log of that part
  } finally {
    clearTimeout(timer);
  }
}
