import { createServer, type AddressInfo } from 'node:net';
import { refuseTakenPort } from './port';

describe('the port', () => {
  it('that another program has is refused with a sentence, and is fine once that program has gone', async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const { port } = other.address() as AddressInfo;
    await expect(refuseTakenPort(port)).rejects.toThrow(
      `Port ${port} is taken by another program. Choose another: PORT=${port + 1} npm start`,
    );
    await new Promise((done) => other.close(done));
    await refuseTakenPort(port);
    await refuseTakenPort(port);
  });
});
