import { createParamDecorator, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller, Tenant } from '../caller';
import { isId } from '../ids';
import type { CaughtUp } from './caught-up';
import type { Concern } from './coverage';
import type { PositionsByService } from './positions';

const WITHOUT = 'works:without-catching-up';
/** Up to where everybody's news are in, on answers over a whole organization. */
const AS_OF_HEADER = 'works-as-of';

/** For routes that depend on nothing another service wrote, or that wait for it themselves once they miss something. */
export const WithoutCatchingUp = (): MethodDecorator => (_target, _property, descriptor) => {
  Reflect.defineMetadata(WITHOUT, true, descriptor.value as object);
};

interface Admitted extends FastifyRequest {
  readonly admitted?: { readonly caller: Caller; readonly positions: PositionsByService };
}

const positionsOf = (context: ExecutionContext): PositionsByService | undefined =>
  context.switchToHttp().getRequest<Admitted>().admitted?.positions;

/** The positions the caller has seen, by service. */
export const Positions = createParamDecorator(
  (_: unknown, context: ExecutionContext): PositionsByService => positionsOf(context) ?? new Map(),
);

export interface Concerns {
  /** The project of a resource that a path names: null where it has none, undefined where this service knows no such resource, or it belongs to no project by its kind. */
  projectOf?(caller: Tenant, id: string): Promise<string | null | undefined>;
  /** Keys of the event log on which every request of the tenant depends. */
  always?(caller: Tenant): readonly string[];
}

/** Lets a request in once all that it depends on is here. Runs after the door, so strangers cannot make it wait. */
export class CatchingUpGuard implements CanActivate {
  constructor(
    private readonly caughtUp: CaughtUp,
    private readonly concerns: Concerns = {},
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<Admitted>();
    if (request.admitted === undefined || Reflect.hasMetadata(WITHOUT, context.getHandler())) return this.refuseUnknown(request);
    const { caller, positions } = request.admitted;
    if (positions.size === 0) {
      if (namedIn(request).length === 0) this.sayAsOf(request, http.getResponse<FastifyReply>());
      return true;
    }
    return this.catchUp(request, http.getResponse<FastifyReply>(), caller, positions);
  }

  private refuseUnknown({ admitted }: Admitted): boolean | Promise<boolean> {
    if (admitted === undefined || admitted.positions.size === 0) return true;
    return this.caughtUp.refuseUnknown(admitted.positions).then(() => true);
  }

  private async catchUp(request: Admitted, reply: FastifyReply, caller: Caller, positions: PositionsByService): Promise<true> {
    await this.caughtUp.refuseUnknown(positions);
    const concern = await this.concernOf(request, caller);
    await this.caughtUp.wait(caller, positions, concern);
    if (concern.everything) this.sayAsOf(request, reply);
    return true;
  }

  private sayAsOf({ method }: Admitted, reply: FastifyReply): void {
    const asOf = method === 'GET' ? this.caughtUp.asOf() : '';
    if (asOf !== '') void reply.header(AS_OF_HEADER, asOf);
  }

  /** What names a project, or a resource of one, depends on that project's news; what names nothing of the kind, on all that the caller wrote. */
  private async concernOf(request: Admitted, caller: Caller): Promise<Concern> {
    const always = this.concerns.always?.(caller) ?? [];
    for (const id of namedIn(request)) {
      const project = isId('prj', id) ? id : await this.concerns.projectOf?.(caller, id);
      if (project !== undefined) return { keys: [...(project === null ? [] : [project]), ...always], everything: false };
    }
    return { keys: always, everything: true };
  }
}

/** What the address names: ids in the path, and the project that a list is asked for. */
function namedIn({ params, query }: FastifyRequest): string[] {
  const { project_id: project } = (query ?? {}) as Record<string, unknown>;
  return [...Object.values((params ?? {}) as Record<string, unknown>), project].filter((id) => typeof id === 'string');
}
