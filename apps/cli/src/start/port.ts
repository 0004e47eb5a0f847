import { createServer } from 'node:net';

/** Found before anything is started: the gateway would only say it in its log. */
export function refuseTakenPort(port: number): Promise<void> {
  return new Promise((free, refuse) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => refuse(new Error(sentenceOf(error, port))));
    server.listen(port, '127.0.0.1', () => server.close(() => free()));
  });
}

function sentenceOf(error: NodeJS.ErrnoException, port: number): string {
  if (error.code === 'EADDRINUSE') return `Port ${port} is taken by another program. Choose another: PORT=${port + 1} npm start`;
  if (error.code === 'EACCES') return `Port ${port} needs more rights than you have. Choose another: PORT=4000 npm start`;
  return `Port ${port} cannot be used: ${error.message}`;
}
