import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './product';

/** One call of curl in a guide: what the guide says it answers, and what it answered. */
export interface Shown {
  readonly command: string;
  readonly promised: string;
  readonly answered: string;
  readonly body: string;
}

/**
 * A line is a curl; those that follow belong to it until the next. `# answers 422` says what is promised, 2xx otherwise; `# its id is $TASK` gives the
 * id in the answer a name for the commands that follow.
 */
const CURL = /^curl [\s\S]*?(?=^curl |(?![\s\S]))/gm;

/** Runs every `sh` block of a guide as a reader would paste it, in order. */
export async function follow(guide: string, env: { API: string; KEY: string; ENDPOINT?: string }): Promise<Shown[]> {
  const text = readFileSync(join(root, 'docs/guides', guide), 'utf8');
  const commands = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block]) => block!.match(CURL) ?? []);
  const shown: Shown[] = [];
  const names: Record<string, string> = {};
  for (const command of commands) {
    // Only the status is added to what the guide says: a function in the place of curl, so that the command stays as it is.
    const script = `curl() { command curl -sS -w '\\n%{http_code}' "$@"; }\n${command}`;
    const { stdout } = await promisify(execFile)('bash', ['-c', script], { env: { ...process.env, ...env, ...names } });
    const [body, answered] = [stdout.slice(0, stdout.lastIndexOf('\n')), stdout.slice(stdout.lastIndexOf('\n') + 1)];
    const named = /# its id is \$([A-Z]+)/.exec(command)?.[1];
    if (named !== undefined) names[named] = (JSON.parse(body) as { id: string }).id;
    const promised = /# answers (\d{3})/.exec(command)?.[1] ?? '2xx';
    shown.push({ command, promised, answered: promised === '2xx' && answered.startsWith('2') ? '2xx' : answered, body });
  }
  return shown;
}

/** The JavaScript under a name in a guide, as a reader copies it. */
export function programIn(guide: string, name: string): string {
  const text = readFileSync(join(root, 'docs/guides', guide), 'utf8');
  const program = new RegExp(`^\`\`\`js\\n// ${name}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(text)?.[1];
  if (program === undefined) throw new Error(`${guide} has no program "${name}"`);
  return program;
}
