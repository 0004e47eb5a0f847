import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

export interface HostileReceiver {
  readonly does: string;
  /** What it does with a connection; `request` resolves once the head of a request has been read. */
  readonly act: (socket: Socket, request: Promise<void>) => void | Promise<void>;
  readonly tls?: boolean;
  /** What has to be on record. */
  readonly stage: string | null;
  readonly code?: RegExp;
  readonly status?: number;
  /** It ends only because our deadline does. */
  readonly untilDeadline?: boolean;
}

const OK = 'HTTP/1.1 200 OK\r\n';
const BOMB = gzipSync(Buffer.alloc(50_000_000));

/** Calls `write` until the connection is gone. */
function forever(socket: Socket, write: () => void, everyMs: number): void {
  const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : write()), everyMs);
  socket.on('close', () => clearInterval(timer));
}

/** As fast as the other side reads. */
function flood(socket: Socket, chunk: string): void {
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

/** Each is a real server. Add here what you meet in the wild. */
export const HOSTILE_RECEIVERS: readonly HostileReceiver[] = [
  { does: 'takes the connection and says nothing', act: () => undefined, stage: 'timeout_headers', untilDeadline: true },
  {
    does: 'drips its headers',
    act: async (socket, request) => {
      await request;
      socket.write(`${OK}x-slow: `);
      forever(socket, () => socket.write('a'), 20);
    },
    stage: 'timeout_headers',
    untilDeadline: true,
  },
  {
    does: 'drips its body',
    act: async (socket, request) => {
      await request;
      socket.write(`${OK}content-length: 100000\r\n\r\n`);
      forever(socket, () => socket.write('a'), 20);
    },
    stage: 'timeout_body',
    status: 200,
    untilDeadline: true,
  },
  {
    does: 'promises a body and sends none',
    act: async (socket, request) => {
      await request;
      socket.write(`${OK}content-length: 5\r\n\r\n`);
    },
    stage: 'timeout_body',
    status: 200,
    untilDeadline: true,
  },
  {
    does: 'says 103 Early Hints for ever',
    act: async (socket, request) => {
      await request;
      forever(socket, () => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 5);
    },
    stage: 'timeout_headers',
    untilDeadline: true,
  },
  {
    does: 'asks to continue when nobody offered to wait',
    act: async (socket, request) => {
      await request;
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    },
    stage: 'response',
  },
  {
    does: 'sends a body that never ends',
    act: async (socket, request) => {
      await request;
      socket.write(`${OK}transfer-encoding: chunked\r\n\r\n`);
      flood(socket, `4000\r\n${'a'.repeat(0x4000)}\r\n`);
    },
    stage: 'too_large',
    status: 200,
  },
  {
    does: 'sends 100 KB of headers',
    act: async (socket, request) => {
      await request;
      socket.write(`${OK}${Array.from({ length: 100 }, (_, n) => `x-${n}: ${'a'.repeat(1_024)}\r\n`).join('')}\r\n`);
    },
    stage: 'too_large',
  },
  {
    does: 'sends headers that never end',
    act: async (socket, request) => {
      await request;
      socket.write(OK);
      flood(socket, `x: ${'a'.repeat(1_000)}\r\n`);
    },
    stage: 'too_large',
  },
  {
    does: 'sends a small answer that unpacks to 50 MB',
    act: async (socket, request) => {
      await request;
      socket.end(Buffer.concat([Buffer.from(`${OK}content-encoding: gzip\r\ncontent-length: ${BOMB.length}\r\n\r\n`), BOMB]));
    },
    // 49 KB, which is what they stay.
    stage: null,
    status: 200,
  },
  {
    does: 'sends us to the metadata service',
    act: async (socket, request) => {
      await request;
      socket.end('HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n');
    },
    stage: 'status',
    code: /^302$/,
    status: 302,
  },
  {
    does: 'answers with a status that HTTP does not know',
    act: async (socket, request) => {
      await request;
      socket.end('HTTP/1.1 999 Whatever\r\ncontent-length: 0\r\n\r\n');
    },
    stage: 'status',
    code: /^999$/,
    status: 999,
  },
  {
    does: 'wants another protocol',
    act: async (socket, request) => {
      await request;
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n');
    },
    stage: 'response',
  },
  {
    does: 'resets the connection before the answer',
    act: async (socket, request) => {
      await request;
      socket.resetAndDestroy();
    },
    stage: 'response',
    code: /ECONNRESET|UND_ERR_SOCKET/,
  },
  {
    does: 'resets the connection within the headers',
    act: async (socket, request) => {
      await request;
      socket.write(`${OK}x-half: `, () => socket.resetAndDestroy());
    },
    stage: 'response',
  },
  {
    does: 'resets the connection within the body',
    act: async (socket, request) => {
      await request;
      socket.write(`${OK}content-length: 10\r\n\r\nhalf`);
      setTimeout(() => socket.resetAndDestroy(), 30);
    },
    stage: 'response',
    status: 200,
  },
  {
    does: 'hangs up before the answer',
    act: async (socket, request) => {
      await request;
      socket.end();
    },
    stage: 'response',
  },
  {
    does: 'hangs up within the body',
    act: async (socket, request) => {
      await request;
      socket.end(`${OK}content-length: 10\r\n\r\nhalf`);
    },
    stage: 'response',
    status: 200,
  },
  {
    does: 'does not speak HTTP',
    act: async (socket, request) => {
      await request;
      socket.end('SSH-2.0-OpenSSH_9.9\r\n');
    },
    stage: 'response',
    code: /HTTPParserError|HPE_/,
  },
  {
    does: 'smuggles with two lengths',
    act: async (socket, request) => {
      await request;
      socket.end(`${OK}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!`);
    },
    stage: 'response',
  },
  {
    does: 'answers with bytes that are no text',
    act: async (socket, request) => {
      await request;
      const body = Buffer.from([0, 1, 0xff, 0xfe, 0xed, 0xa0, 0x80, 0, 0xc3]);
      socket.end(
        Buffer.concat([Buffer.from(`HTTP/1.1 500 \xff\r\nx-odd: \xe9\xff\r\ncontent-length: ${body.length}\r\n\r\n`, 'latin1'), body]),
      );
    },
    stage: 'status',
    status: 500,
  },
  { does: 'takes a TLS connection and says nothing', tls: true, act: () => undefined, stage: 'tls', untilDeadline: true },
  {
    does: 'speaks HTTP where TLS belongs',
    tls: true,
    act: (socket) => {
      socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n');
    },
    stage: 'tls',
  },
];

/** Starts one. `sentBytes` is what it got rid of: all that was read of it, and what the sockets hold. */
export async function startHostile({ act, tls = false }: HostileReceiver) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let head = '';
    const request = new Promise<void>((done) =>
      socket.on('data', (chunk) => {
        head += chunk.toString('latin1');
        if (head.includes('\r\n\r\n') && head.startsWith('POST ')) {
          head = '';
          done();
        }
      }),
    );
    void act(socket, request);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    sentBytes: () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}
