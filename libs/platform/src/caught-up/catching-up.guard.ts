import { createParamDecorator, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { CaughtUp } from './caught-up';
import type { PositionsByService } from './positions';

const WITHOUT = 'works:without-catching-up';

/** For routes that depend on nothing another service wrote, or that wait for it themselves once they miss something. */
export const WithoutCatchingUp = (): MethodDecorator => (_target, _property, descriptor) => {
  Reflect.defineMetadata(WITHOUT, true, descriptor.value as object);
};

const positionsOf = (context: ExecutionContext): PositionsByService | undefined =>
  context.switchToHttp().getRequest<{ admitted?: { positions: PositionsByService } }>().admitted?.positions;

/** The positions the caller has seen, by service. */
export const Positions = createParamDecorator(
  (_: unknown, context: ExecutionContext): PositionsByService => positionsOf(context) ?? new Map(),
);

/** Lets a request in once this service is as new as its caller has seen. Runs after the door, so strangers cannot make it wait. */
export class CatchingUpGuard implements CanActivate {
  constructor(private readonly caughtUp: CaughtUp) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const positions = positionsOf(context);
    if (positions === undefined || positions.size === 0 || Reflect.hasMetadata(WITHOUT, context.getHandler())) return true;
    return this.caughtUp.wait(positions).then(() => true);
  }
}
