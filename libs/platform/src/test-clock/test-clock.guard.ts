import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { Tenant } from '../caller';
import type { CaughtUp } from '../caught-up';
import type { AdmittedRequest } from '../http';
import type { TenantDatabase } from '../tenancy';

/** An organization has one clock, so its id is the organization's with another name in front. */
export const testClockIdOf = ({ organizationId }: Pick<Tenant, 'organizationId'>): `clk_${string}` =>
  `clk_${organizationId.slice(organizationId.indexOf('_') + 1)}`;

/** How a service knows the test clocks of its tenants. Asked for each request of test mode, so that an advance holds for the very next one. */
export interface TestClocks {
  /** The service whose facts move the clocks; null when they are this one's own. */
  readonly heardFrom: string | null;
  /** How far this tenant's clock is ahead of the wall clock, in milliseconds. */
  offsetMs(database: TenantDatabase, tenant: Tenant): Promise<number>;
}

/**
 * Gives a request of test mode its tenant's own now. Live mode never sees a test clock, and waits for none. Runs after the door, which admits by
 * the wall clock; what the caller knows of the clock from elsewhere has arrived here first, also on routes that otherwise catch up with nothing.
 */
export class TestClockGuard implements CanActivate {
  constructor(
    private readonly clocks: TestClocks,
    private readonly database: TenantDatabase,
    private readonly caughtUp: CaughtUp,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<AdmittedRequest>();
    if (request.admitted === undefined || request.admitted.caller.livemode) return true;
    return this.setNow(request, request.admitted).then(() => true);
  }

  private async setNow(request: AdmittedRequest, admission: NonNullable<AdmittedRequest['admitted']>): Promise<void> {
    const { heardFrom } = this.clocks;
    const heard = heardFrom === null ? undefined : admission.positions.get(heardFrom);
    if (heardFrom !== null && heard !== undefined) {
      const concern = { keys: [testClockIdOf(admission.caller)], everything: false };
      await this.caughtUp.wait(admission.caller, new Map([[heardFrom, heard]]), concern);
    }
    const offsetMs = await this.clocks.offsetMs(this.database, admission.caller);
    request.admitted = { ...admission, now: new Date(admission.now.getTime() + offsetMs) };
  }
}
