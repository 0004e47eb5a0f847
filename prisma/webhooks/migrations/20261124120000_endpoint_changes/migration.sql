-- Secrets travel as one text, the newest first: `whsec_… whsec_…;<end of its life in ms>`. What reads an endpoint to send to it needs no second look.
alter table webhook_endpoints add column secrets_expire_at timestamptz;

-- Guarantees that a change is written only on the version it was decided on. The refusal looks like that of a lost race for a stream, and is
-- handled like one: the command decides again.
create function works_advance_endpoint(p_id text, p_version integer, p_now timestamptz) returns void language plpgsql as $$
begin
  update webhook_endpoints set version = version + 1, updated_at = p_now where id = p_id and version = p_version and deleted_at is null;
  if not found then
    raise exception 'the endpoint has changed since version %', p_version using errcode = 'unique_violation', constraint = 'events_stream_version';
  end if;
end $$;

-- A replay is a delivery of its own, with attempts of its own, of the same event under the same sequence number. `replay_of` names the first delivery,
-- `replayed_as` the newest replay, `replays` counts the times that was written.
alter table deliveries
  add column replay_of text,
  add column replayed_as text,
  add column replays integer not null default 0,
  drop constraint deliveries_event_id_endpoint_id_key;
create unique index deliveries_once on deliveries (event_id, endpoint_id) where replay_of is null;
-- One replay at a time, whoever else asks for one.
create unique index deliveries_one_replay on deliveries (replay_of) where replay_of is not null and status = 'pending';
create index deliveries_replays on deliveries (replay_of) where replay_of is not null;
create index deliveries_dead on deliveries (organization_id, livemode, id) where status = 'dead' and replayed_as is null;

-- Test events are kept beside the log, at positions that no reader of the log ever asks for.
create sequence test_event_positions increment by -1 start with -1;
grant usage on sequence test_event_positions to works_service;
