import { Controller, Post } from '@nestjs/common';
import { Delivery } from '@works/contracts/webhooks';
import { RuleViolation } from '@works/platform/errors';
import { EventStore, type CommandRequest, type Decision, type RecordedAnswer, type Statement } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { DeliveryEngine } from '../delivery/delivery-engine';
import { DELIVERY_COLUMNS, presentDelivery, type DeliveryRow } from '../read-models/delivery-row';

type Known = DeliveryRow & { endpoint_deleted: boolean; event_kept: boolean };

@Controller()
export class ReplayDelivery {
  constructor(
    private readonly store: EventStore,
    private readonly database: TenantDatabase,
    private readonly engine: DeliveryEngine,
  ) {}

  @Post('/deliveries/:id/replay')
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Replay a delivery',
    description:
      'Sends the event once more, under its own id and sequence, as a new delivery with eight attempts of its own; the first leaves at once. A replay that is under way already is answered with 200.',
    tag: 'Webhooks',
    answers: { 200: Delivery, 201: Delivery },
    refuses: ['delivery_pending', 'endpoint_deleted', 'no_longer_kept'],
  })
  async replay(@IdParam('id', 'dlv') id: string, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    const answer = await this.store.create(request, () => this.decide(id, request), {
      refusal: (constraint) =>
        constraint === 'deliveries_one_replay' ? pending('It is being replayed.') : constraint === 'event_log_kept' ? gone() : null,
    });
    this.engine.wake();
    return answer;
  }

  private async decide(id: string, { caller }: CommandRequest): Promise<Decision> {
    const [delivery] = await this.database.query<Known>(
      caller,
      `select ${DELIVERY_COLUMNS}, e.deleted_at is not null as endpoint_deleted,
              (select true from event_log l where l.id = d.event_id) is not null as event_kept from deliveries d join webhook_endpoints e on e.id = d.endpoint_id where d.id = $1`,
      [id],
    );
    if (delivery === undefined) throw new Problem('not_found', 'There is no such resource.');
    if (delivery.endpoint_deleted) throw new RuleViolation('endpoint_deleted', 'The endpoint is deleted; there is nowhere to send it.');
    if (delivery.status === 'pending') throw pending(`Its next attempt is due at ${delivery.next_attempt_at!.toISOString()}.`);
    const original = delivery.replay_of ?? delivery.id;
    const [underWay] = await this.database.query<DeliveryRow>(
      caller,
      `select ${DELIVERY_COLUMNS} from deliveries d where d.replay_of = $1 and d.status = 'pending'`,
      [original],
    );
    if (underWay !== undefined) return { changes: [], answer: answerOf(200, underWay) };
    if (!delivery.event_kept) throw gone();
    const replay = replayOf(delivery, original);
    return {
      changes: [],
      statements: [keepEvent(replay), lockFirst(replay), insertReplay(replay), noteReplay(replay)],
      answer: answerOf(201, replay),
    };
  }
}

/** The queue runs by the wall clock, whatever a test clock says. */
function replayOf(delivery: DeliveryRow, original: string): DeliveryRow {
  const now = new Date();
  return {
    ...delivery,
    id: newId('dlv'),
    status: 'pending',
    attempts_made: 0,
    next_attempt_at: now,
    delivered_at: null,
    passed: null,
    replay_of: original,
    replayed_as: null,
    replays: 0,
    created_at: now,
    updated_at: now,
  };
}

/** From here on until it commits, the event cannot leave. */
const keepEvent = ({ event_id }: DeliveryRow): Statement => ({ text: 'select works_keep_event($1)', values: [event_id] });

/** The first delivery is where all meet who want to replay the event, jobs too (works_replay_again): whoever comes second waits here. */
const lockFirst = ({ replay_of }: DeliveryRow): Statement => ({
  text: 'select from deliveries where id = $1 for update',
  values: [replay_of],
});

const insertReplay = ({ id, replay_of, created_at }: DeliveryRow): Statement => ({
  text: `insert into deliveries_pending (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, next_attempt_at, due_at,
                                 replay_of, created_at, updated_at)
         select $1, d.organization_id, d.livemode, d.endpoint_id, d.event_id, d.event_type, d.event_position, d.sequence, $3, $3, d.id, $3, $3
           from deliveries d where d.id = $2`,
  values: [id, replay_of, created_at],
});

/** On every delivery of the event to the endpoint that has ended: none of them is a dead letter any more. */
const noteReplay = ({ id, replay_of, created_at }: DeliveryRow): Statement => ({
  text: `update deliveries set replayed_as = $1, replays = replays + 1, updated_at = $3 where (id = $2 or replay_of = $2) and id <> $1`,
  values: [id, replay_of, created_at],
});

const gone = (): RuleViolation => new RuleViolation('no_longer_kept', 'Its event is no longer kept.');

const pending = (detail: string): RuleViolation => new RuleViolation('delivery_pending', detail);

function answerOf(status: 200 | 201, row: DeliveryRow) {
  const body = presentDelivery(row);
  return { status, body, version: body.version, ...(status === 201 && { location: `/deliveries/${row.id}` }) };
}
