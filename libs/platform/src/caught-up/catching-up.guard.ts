import { createParamDecorator, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Tenant } from '../caller';
import type { CaughtUp } from './caught-up';
import type { PositionsByService } from './positions';

const WITHOUT = 'works:without-catching-up';

/** For routes that depend on nothing another service wrote, or that wait for it themselves once they miss something. */
export const WithoutCatchingUp = (): MethodDecorator => (_target, _property, descriptor) => {
  Reflect.defineMetadata(WITHOUT, true, descriptor.value as object);
};

interface Admitted {
  readonly admitted?: { readonly caller: Tenant; readonly positions: PositionsByService };
}

const positionsOf = (context: ExecutionContext): PositionsByService | undefined =>
  context.switchToHttp().getRequest<Admitted>().admitted?.positions;

/** The positions the caller has seen, by service. */
export const Positions = createParamDecorator(
  (_: unknown, context: ExecutionContext): PositionsByService => positionsOf(context) ?? new Map(),
);

/** Lets a request in once this service is as new as its caller has seen. Runs after the door, so strangers cannot make it wait. */
export class CatchingUpGuard implements CanActivate {
  constructor(private readonly caughtUp: CaughtUp) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const { admitted } = context.switchToHttp().getRequest<Admitted>();
    if (admitted === undefined || admitted.positions.size === 0) return true;
    const { caller, positions } = admitted;
    const known = this.caughtUp.refuseUnknown(positions);
    if (Reflect.hasMetadata(WITHOUT, context.getHandler())) return known.then(() => true);
    return known.then(() => this.caughtUp.wait(caller, positions)).then(() => true);
  }
}
