import { Catch, type INestApplication, type RpcExceptionFilter } from '@nestjs/common';
import type { NestMicroservice } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import type { BatchTransport } from './batch-transport';

/**
 * Hands on what a reaction throws, as it is. Nest would put `{ status: 'error', message: 'Internal server error' }` in its place, and the event
 * log could no longer tell that a database was away: it would give up, within seconds, events that only had to wait.
 */
@Catch()
class ErrorsAsTheyAre implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/**
 * Lets the application's `@EventPattern` handlers take what the transport receives. Deferred, because Nest would otherwise make the handlers before
 * it can be told of a filter; then what it would have done by itself.
 */
export function connectReactions(app: INestApplication, transport: BatchTransport): void {
  const reactions = app.connectMicroservice({ strategy: transport }, { deferInitialization: true }) as NestMicroservice;
  reactions.useGlobalFilters(new ErrorsAsTheyAre());
  reactions.registerListeners();
  reactions.setIsInitialized(true);
  reactions.setIsInitHookCalled(true);
}
