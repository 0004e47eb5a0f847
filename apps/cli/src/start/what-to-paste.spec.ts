import { join } from 'node:path';
import { isId } from '@works/platform/ids';
import { root } from '../home';
import { whatToPaste } from './what-to-paste';

const dev = {
  url: 'http://127.0.0.1:4321/works/v1',
  organizations: [{ id: 'org_1', name: 'Acme', live_key: 'sk_live_x', test_key: 'sk_test_x' }],
};

describe('what to paste', () => {
  const text = whatToPaste(dev, { kafka: false, home: join(root, '.works') });

  it('says where everything is', () => {
    for (const part of ['http://127.0.0.1:4321/works/docs', join(root, '.works'), 'Acme org_1', 'sk_live_x', 'sk_test_x'])
      expect(text).toContain(part);
    expect(text).toContain('embedded');
    expect(whatToPaste(dev, { kafka: true, home: '' })).toContain('Apache Kafka\n');
  });

  // A line that is indented, or has anything before it, does not survive being pasted whole.
  it('has three commands that a shell takes as they stand', () => {
    const commands = text
      .replaceAll('\\\n', '')
      .split('\n')
      .filter((line) => /^\S/.test(line));
    expect(commands.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'npm run',
      'curl -X',
      `curl ${dev.url}/users/${ownerIn(text)}/queue`,
    ]);
  });

  it('says where the product is when it is elsewhere', () => {
    expect(whatToPaste(dev, { kafka: false, home: '/srv/my works' })).toContain(
      "\nWORKS_HOME='/srv/my works' npm run --silent works -- listen\n",
    );
  });

  it('names ids that the product takes, and a key that is new each time', () => {
    const body = JSON.parse(/-d '(.*)'/.exec(text)![1]!) as Record<string, string>;
    expect(body).toMatchObject({ name: 'Site fit-out', template: 'fitout_v2' });
    expect([isId('dl', body['deal_id']), isId('usr', body['owner_id'])]).toEqual([true, true]);
    expect(keyIn(text)).not.toBe(keyIn(whatToPaste(dev, { kafka: false, home: '' })));
  });
});

const ownerIn = (text: string) => /usr_\w+/.exec(text)![0];
const keyIn = (text: string) => /Idempotency-Key: (\S+)"/.exec(text)![1];
