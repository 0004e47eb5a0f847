import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import { admissionOf, type AdmittedRequest } from '../http';
import { RELEASE_PATH, type Release } from '../idempotency';
import { Problem } from '../problems';
import { ReleasedKeys } from './released-keys';

/**
 * Gives an idempotency key of the caller away: `POST /internal/idempotency/release?generation=<n>` with the key in `Idempotency-Key` answers
 * `{ "release": "released" | "kept" | "in_use" }`. For the gateway, in the name of the caller that it has signed; no route leads here from outside.
 */
@Controller()
export class ReleaseController {
  constructor(private readonly keys: ReleasedKeys) {}

  @Post(RELEASE_PATH)
  @HttpCode(200)
  async release(@Req() request: AdmittedRequest): Promise<{ release: Release }> {
    const { generation } = request.query as Record<string, string | undefined>;
    if (!/^\d{1,15}$/.test(generation ?? '')) throw new Problem('validation_failed', 'generation must be a whole number.');
    return {
      release: await this.keys.release(admissionOf(request).caller, request.headers['idempotency-key'] as string, Number(generation)),
    };
  }
}
