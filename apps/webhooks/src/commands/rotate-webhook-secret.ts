import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { RotateSecretBody, WebhookEndpoint } from '@works/contracts/webhooks';
import type { CommandRequest, RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { TenantDatabase } from '@works/platform/tenancy';
import { KeptSecrets } from '../delivery/kept-secrets';
import { newSigningSecret } from '../delivery/signing';
import { rotated } from '../delivery/signing-secrets';
import { EndpointChanges } from '../endpoint-changes';

const OVERLAP_HOURS = 24;
const HOUR_MS = 3_600_000;

@Controller()
export class RotateWebhookSecret {
  constructor(
    private readonly endpoints: EndpointChanges,
    private readonly database: TenantDatabase,
    private readonly secrets: KeptSecrets,
  ) {}

  @Post('/webhook_endpoints/:id/rotate_secret')
  @HttpCode(200)
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Rotate the signing secret',
    description:
      'Answers with the new secret, which only this answer shows. Until `secrets_expire_at` every attempt carries a signature by the new and by the earlier ones, at most three in all, so that receivers can change over at leisure.',
    tag: 'Webhooks',
    body: RotateSecretBody,
    answers: { 200: WebhookEndpoint },
  })
  rotate(@IdParam('id', 'whk') id: string, @Body() body: RotateSecretBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    return this.endpoints.change(request, id, async () => {
      const [kept] = await this.database.query<{ secret: string }>(request.caller, 'select secret from webhook_endpoints where id = $1', [
        id,
      ]);
      const secret = newSigningSecret();
      // Attempts are signed by the wall clock, so the overlap runs by it too.
      const now = new Date();
      const overlapMs = (body.overlap_hours ?? OVERLAP_HOURS) * HOUR_MS;
      // Without an overlap the earlier ones are not even opened: it works also when the key that sealed them is lost.
      const { secrets, expireAt } =
        overlapMs === 0
          ? { secrets: secret, expireAt: null }
          : rotated(this.secrets.open(id, kept!.secret), { secret, now, endsAt: new Date(now.getTime() + overlapMs) });
      return { shown: { secrets_expire_at: expireAt }, rotated: { secrets: this.secrets.seal(id, secrets), secret } };
    });
  }
}
