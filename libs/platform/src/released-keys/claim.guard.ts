import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { AdmittedRequest } from '../http';
import { CLAIM_HEADER } from '../idempotency';
import type { ReleasedKeys } from './released-keys';

/** Opens a key for a request whose service has got it back. Costs nothing where a key has had one owner only. Runs after the door. */
export class ClaimGuard implements CanActivate {
  constructor(private readonly keys: ReleasedKeys) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const { admitted, headers } = context.switchToHttp().getRequest<AdmittedRequest>();
    const [generation, key] = [headers[CLAIM_HEADER], headers['idempotency-key']];
    if (admitted === undefined || typeof generation !== 'string' || typeof key !== 'string') return true;
    return this.keys.reopen(admitted.caller, key, Number(generation)).then(() => true);
  }
}
