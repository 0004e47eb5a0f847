import { join } from 'node:path';
import { newId } from '@works/platform/ids';
import { root, type DevFile } from '../home';

/** The three lines that show a newcomer what this is. */
export function whatToPaste({ url, organizations }: DevFile, { kafka, home }: { kafka: boolean; home: string }): string {
  const [organization] = organizations;
  const { live_key: key } = organization!;
  const [deal, owner] = [newId('dl'), newId('usr')];
  return `  Address        ${url}
  Documentation  ${url.replace('/v1', '/docs')}
  Event log      ${kafka ? 'Apache Kafka' : 'embedded (npm run start:kafka for Apache Kafka)'}
  Data, logs     ${home}
  Organization   ${organization!.name} ${organization!.id}
  Live key       ${key}
  Test key       ${organization!.test_key}

  Webhooks may go to addresses on this machine, in test and live mode. That is for development; in production it is refused.

  Paste these. First, in another terminal, something that receives:

${elsewhere(home)}npm run --silent works -- listen

  Then a won deal, and the queue it fills:

curl -X POST ${url}/projects \\
  -H "Authorization: Bearer ${key}" -H "Idempotency-Key: ${newId('idem')}" \\
  -H "Content-Type: application/json" \\
  -d '{ "deal_id": "${deal}", "name": "Site fit-out", "owner_id": "${owner}", "template": "fitout_v2" }'

curl ${url}/users/${owner}/queue -H "Authorization: Bearer ${key}"

  Ctrl-C stops everything; the next npm start finds all of it again.`;
}

/** The command line looks into the checkout's own folder unless told otherwise. */
const elsewhere = (home: string): string => (home === join(root, '.works') ? '' : `WORKS_HOME='${home}' `);
