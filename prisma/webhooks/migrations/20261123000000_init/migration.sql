-- platform:begin
-- What every service's database has: the event store, the idempotency record, the inbox, and the rules of tenancy.
-- Each service's first migration holds exactly this text.

-- Guarantees that a session without a tenant sees no row and writes none: with the settings absent the comparison is null.
create function works_protect(p_table text) returns void language plpgsql as $$
begin
  execute format('alter table %I enable row level security', p_table);
  execute format('alter table %I force row level security', p_table);
  execute format($policy$
    create policy tenant on %I to works_service
      using (organization_id = current_setting('works.organization_id', true)
             and livemode = (current_setting('works.livemode', true) = 'true'))
      with check (organization_id = current_setting('works.organization_id', true)
                  and livemode = (current_setting('works.livemode', true) = 'true'))$policy$, p_table);
  execute format('grant select, insert, update, delete on %I to works_service', p_table);
end $$;

-- For the few background workers that serve every tenant (relay, fan-out, scans): they see all rows of just these tables.
create function works_open_to_worker(p_table text) returns void language plpgsql as $$
begin
  execute format('create policy worker on %I to works_worker using (true) with check (true)', p_table);
  execute format('grant select, insert, update, delete on %I to works_worker', p_table);
end $$;

-- The store of facts, and the outbox: there is no second table that could disagree with it.
-- `tx` and not `position` leads the order, because positions are given before commits: a reader that stays below the oldest
-- transaction still running, in (tx, position) order, never passes over a fact that commits late.
create table events (
  tx              xid8        not null default pg_current_xact_id(),
  position        bigint      not null generated always as identity,
  organization_id text        not null,
  livemode        boolean     not null,
  id              text        not null,
  stream_id       text        not null,
  version         integer     not null check (version > 0),
  type            text        not null,
  data            jsonb       not null,
  topic           text,
  log_key         text,
  public          text,
  metadata        jsonb       not null,
  occurred_at     timestamptz not null,
  primary key (tx, position),
  constraint events_stream_version unique (stream_id, version),
  constraint events_public_whole check ((topic is null) = (public is null) and (topic is null) = (log_key is null))
);
select works_protect('events');
create policy relay on events for select to works_worker using (true);
grant select on events to works_worker;

-- One row per key and tenant, committed with the effect. `tx` is the effect's own transaction, so a replay can repeat its position.
create table idempotency_keys (
  organization_id text        not null,
  livemode        boolean     not null,
  key             text        not null,
  fingerprint     text        not null,
  status          smallint    not null,
  headers         jsonb       not null,
  body            text        not null,
  tx              xid8        not null default pg_current_xact_id(),
  created_at      timestamptz not null default now(),
  expires_at      timestamptz not null,
  primary key (organization_id, livemode, key)
);
create index idempotency_keys_expiry on idempotency_keys using brin (expires_at);
select works_protect('idempotency_keys');
create policy sweeper on idempotency_keys for all to works_worker using (expires_at < now());
grant select, delete on idempotency_keys to works_worker;

-- What each consumer has already taken effect of. The row commits with the effect, which makes the effect happen exactly once.
create table inbox (
  consumer        text        not null,
  event_id        text        not null,
  organization_id text        not null,
  livemode        boolean     not null,
  received_at     timestamptz not null default now(),
  primary key (consumer, event_id)
);
create index inbox_age on inbox using brin (received_at);
select works_protect('inbox');
select works_open_to_worker('inbox');

-- How far the relay has published. Infrastructure, of no tenant: only workers can see it.
create table checkpoints (
  name       text        primary key,
  tx         xid8        not null,
  position   bigint      not null,
  updated_at timestamptz not null default now()
);
grant select, insert, update on checkpoints to works_worker;
grant select on checkpoints to works_service;

-- Makes a table of documents: (id, organization_id, livemode, version, state), one row per aggregate, with its two statements:
--   works_load_<table>   the document and, if there is one, the remembered answer, in one round trip
--   works_store_<table>  inserts or replaces documents; the unique (stream_id, version) of their events guards against lost updates
create function works_declare_aggregate(p_table text) returns void language plpgsql as $$
begin
  perform works_protect(p_table);
  execute format($function$
    create function works_load_%1$s(p_organization_id text, p_livemode boolean, p_id text, p_key text)
      returns table (version integer, state jsonb, fingerprint text, status smallint, headers jsonb, body text, tx text)
      language plpgsql as $body$
    begin
      perform set_config('works.organization_id', p_organization_id, true), set_config('works.livemode', p_livemode::text, true);
      return query
        select d.version, d.state, k.fingerprint, k.status, k.headers, k.body, k.tx::text
          from (select) as one
          left join %1$I d on d.id = p_id
          left join idempotency_keys k
            on k.organization_id = p_organization_id and k.livemode = p_livemode and k.key = p_key and k.expires_at > now();
    end $body$
  $function$, p_table);
  execute format($function$
    create function works_store_%1$s(p_organization_id text, p_livemode boolean, p_tables text[], p_ids text[], p_versions integer[], p_states text[])
      returns void language sql as $body$
      insert into %1$I (id, organization_id, livemode, version, state)
        select d.id, p_organization_id, p_livemode, d.version, d.state::jsonb
          from unnest(p_tables, p_ids, p_versions, p_states) as d(in_table, id, version, state)
         where d.in_table = %1$L
      on conflict (id) do update set version = excluded.version, state = excluded.state
    $body$
  $function$, p_table);
end $$;

-- Guarantees that events, documents and the remembered answer commit together or not at all, in one round trip.
-- Raises `unique_violation` on events_stream_version when another writer was first,
-- and SKT01 when the key is already remembered (the twin then replays that answer).
-- Returns the transaction, which is the position that readers can wait for.
create function works_append(
  p_organization_id text, p_livemode boolean,
  p_event_ids text[], p_stream_ids text[], p_versions integer[], p_types text[], p_data text[],
  p_topics text[], p_log_keys text[], p_publics text[], p_metadata jsonb, p_occurred_at timestamptz,
  p_tables text[], p_document_ids text[], p_document_versions integer[], p_states text[],
  p_key text, p_fingerprint text, p_status integer, p_headers jsonb, p_body text, p_remember_seconds integer
) returns text language plpgsql as $$
declare
  v_table text;
begin
  -- A writer that waits longer than this for its twin gives its connection back and asks again.
  perform set_config('works.organization_id', p_organization_id, true), set_config('works.livemode', p_livemode::text, true),
          set_config('lock_timeout', '1s', true);

  if cardinality(p_event_ids) > 0 then
    insert into events (organization_id, livemode, id, stream_id, version, type, data, topic, log_key, public, metadata, occurred_at)
      select p_organization_id, p_livemode, e.id, e.stream_id, e.version, e.type, e.data::jsonb, e.topic, e.log_key, e.public, p_metadata, p_occurred_at
        from unnest(p_event_ids, p_stream_ids, p_versions, p_types, p_data, p_topics, p_log_keys, p_publics)
             as e(id, stream_id, version, type, data, topic, log_key, public);
    for v_table in select distinct t from unnest(p_tables) as t loop
      execute format('select works_store_%s($1, $2, $3, $4, $5, $6)', v_table)
        using p_organization_id, p_livemode, p_tables, p_document_ids, p_document_versions, p_states;
    end loop;
  end if;

  if p_key is not null then
    -- An expired record is written over; a live one is the sign that this request has been answered before.
    insert into idempotency_keys as k (organization_id, livemode, key, fingerprint, status, headers, body, expires_at)
      values (p_organization_id, p_livemode, p_key, p_fingerprint, p_status, p_headers, p_body, now() + make_interval(secs => p_remember_seconds))
    on conflict (organization_id, livemode, key) do update
      set fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, body = excluded.body,
          tx = excluded.tx, created_at = excluded.created_at, expires_at = excluded.expires_at
      where k.expires_at <= now();
    if not found then
      raise exception 'this idempotency key is already remembered' using errcode = 'SKT01';
    end if;
  end if;
  return pg_current_xact_id()::text;
end $$;

-- The remembered answer of a key, or no row.
create function works_remembered(p_organization_id text, p_livemode boolean, p_key text)
  returns table (fingerprint text, status smallint, headers jsonb, body text, tx text) language plpgsql as $$
begin
  perform set_config('works.organization_id', p_organization_id, true), set_config('works.livemode', p_livemode::text, true);
  return query
    select k.fingerprint, k.status, k.headers, k.body, k.tx::text
      from idempotency_keys k
     where k.organization_id = p_organization_id and k.livemode = p_livemode and k.key = p_key and k.expires_at > now();
end $$;
-- platform:end

-- Where events go. `last_sequence` counts the deliveries made for the endpoint; it moves under this row's lock, so it has no gaps.
create table webhook_endpoints (
  id              text        primary key,
  organization_id text        not null,
  livemode        boolean     not null,
  url             text        not null,
  description     text,
  events          text[]      not null,
  status          text        not null default 'enabled' check (status in ('enabled', 'disabled')),
  disabled_reason text,
  max_in_flight   integer     not null check (max_in_flight between 1 and 64),
  headers         jsonb       not null,
  secret          text        not null,
  last_sequence   bigint      not null default 0,
  version         integer     not null default 1,
  created_at      timestamptz not null,
  updated_at      timestamptz not null,
  deleted_at      timestamptz,
  check ((status = 'disabled') = (disabled_reason is not null))
);
create index webhook_endpoints_tenant on webhook_endpoints (organization_id, livemode, id) where deleted_at is null;
select works_protect('webhook_endpoints');
select works_open_to_worker('webhook_endpoints');

-- The position of the newest event of each tenant. The row is locked until its events commit: a higher position is never visible before a lower.
create table event_counters (
  organization_id text    not null,
  livemode        boolean not null,
  last_position   bigint  not null,
  primary key (organization_id, livemode)
);
select works_protect('event_counters');
select works_open_to_worker('event_counters');

-- Everything that happened, in the bytes that everybody gets.
create table event_log (
  organization_id text        not null,
  livemode        boolean     not null,
  position        bigint      not null,
  id              text        not null unique,
  type            text        not null,
  subject         text        not null,
  project_id      text,
  occurred_at     timestamptz not null,
  body            text        not null,
  primary key (organization_id, livemode, position)
);
create index event_log_subject on event_log (organization_id, livemode, subject, position);
create index event_log_project on event_log (organization_id, livemode, project_id, position) where project_id is not null;
create index event_log_type on event_log (organization_id, livemode, type, position);
select works_protect('event_log');
select works_open_to_worker('event_log');

-- A job: one event for one endpoint. `due_at` is when it may be taken next: the time of its next attempt, or the end of the lease of
-- the worker that has it. A worker that dies gives its jobs back by the clock; `lease_token` keeps it from recording after that.
create table deliveries (
  id              text        primary key,
  organization_id text        not null,
  livemode        boolean     not null,
  endpoint_id     text        not null references webhook_endpoints (id),
  event_id        text        not null,
  event_type      text        not null,
  event_position  bigint      not null,
  sequence        bigint      not null,
  status          text        not null default 'pending' check (status in ('pending', 'delivered', 'dead', 'cancelled')),
  attempts_made   integer     not null default 0 check (attempts_made between 0 and 8),
  next_attempt_at timestamptz,
  due_at          timestamptz not null,
  lease_token     text,
  delivered_at    timestamptz,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  unique (event_id, endpoint_id),
  check ((status = 'pending') = (next_attempt_at is not null)),
  check ((status = 'delivered') = (delivered_at is not null))
) with (fillfactor = 80);
-- First attempts and retries wait apart, so that a claim for one never reads past the other.
create index deliveries_waiting on deliveries (endpoint_id, (attempts_made > 0), due_at) where status = 'pending';
create index deliveries_next on deliveries (due_at) where status = 'pending';
create index deliveries_of_endpoint on deliveries (organization_id, livemode, endpoint_id, id);
select works_protect('deliveries');
select works_open_to_worker('deliveries');

create table attempts (
  id               text        primary key,
  organization_id  text        not null,
  livemode         boolean     not null,
  delivery_id      text        not null references deliveries (id),
  endpoint_id      text        not null,
  number           integer     not null check (number between 1 and 8),
  started_at       timestamptz not null,
  status_code      integer,
  error            jsonb,
  duration_ms      double precision not null,
  timings          jsonb       not null,
  address          text,
  response_body    text,
  response_headers jsonb,
  unique (delivery_id, number)
);
create index attempts_of_endpoint on attempts (endpoint_id, started_at);
select works_protect('attempts');
select works_open_to_worker('attempts');

-- Guarantees that an event is numbered, kept, and made a delivery for each matching endpoint exactly once, however often and from however
-- many consumers it arrives; all of a batch commits together. Deliveries within an endpoint's free places come back leased under p_lease_token.
-- p_free holds, for endpoints that are busy at this worker, how many places are left.
create function works_fan_out(
  p_ids text[], p_organizations text[], p_livemodes boolean[], p_types text[], p_subjects text[], p_projects text[],
  p_occurred_at timestamptz[], p_bodies text[], p_delivery_seed text, p_lease_token text, p_lease_seconds integer, p_capacity integer, p_free jsonb
) returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean,
                 url text, headers jsonb, secret text, max_in_flight integer, body text, waiting boolean) language plpgsql as $$
#variable_conflict use_column
declare
  v_fresh text[];
begin
  -- Two consumers with the same event meet on the inbox's key: the second waits, and then has nothing to do.
  with taken as (
    insert into inbox (consumer, event_id, organization_id, livemode)
      select distinct on (g.id) 'fan-out', g.id, g.organization_id, g.livemode
        from unnest(p_ids, p_organizations, p_livemodes) as g(id, organization_id, livemode) order by g.id
    on conflict do nothing returning event_id
  )
  select array_agg(event_id) into v_fresh from taken;
  if v_fresh is null then return; end if;

  -- Counters and then endpoints are locked in one order by everybody, or two batches could wait for each other in a circle.
  insert into event_counters as c (organization_id, livemode, last_position)
    select distinct g.organization_id, g.livemode, 0 from unnest(p_organizations, p_livemodes) as g(organization_id, livemode) order by 1, 2
  on conflict do nothing;
  perform from event_counters c
    where (c.organization_id, c.livemode) in (select g.organization_id, g.livemode from unnest(p_organizations, p_livemodes) as g(organization_id, livemode))
    order by c.organization_id, c.livemode for update;
  perform from webhook_endpoints e
    where e.deleted_at is null
      and (e.organization_id, e.livemode) in (select g.organization_id, g.livemode from unnest(p_organizations, p_livemodes) as g(organization_id, livemode))
    order by e.id for update;

  return query
    with fresh as (
      select distinct on (g.id) g.*
        from unnest(p_ids, p_organizations, p_livemodes, p_types, p_subjects, p_projects, p_occurred_at, p_bodies)
             with ordinality as g(id, organization_id, livemode, type, subject, project_id, occurred_at, body, ordinal)
       where g.id = any(v_fresh) order by g.id, g.ordinal
    ), numbered as (
      select f.*, c.last_position + row_number() over (partition by f.organization_id, f.livemode order by f.ordinal) as position
        from fresh f join event_counters c on c.organization_id = f.organization_id and c.livemode = f.livemode
    ), logged as (
      -- `position` stands before anything that a caller could have written, so the first match is the one.
      insert into event_log (organization_id, livemode, position, id, type, subject, project_id, occurred_at, body)
        select n.organization_id, n.livemode, n.position, n.id, n.type, n.subject, n.project_id, n.occurred_at,
               overlay(n.body placing '"position":' || n.position from strpos(n.body, '"position":null') for 15)
          from numbered n
      returning *
    ), moved as (
      update event_counters c set last_position = m.last_position
        from (select n.organization_id, n.livemode, max(n.position) as last_position from numbered n group by 1, 2) m
       where c.organization_id = m.organization_id and c.livemode = m.livemode
    ), matched as (
      select e.id as endpoint_id, l.id as event_id, l.type, l.position, l.organization_id, l.livemode, e.status = 'enabled' as enabled, e.max_in_flight,
             row_number() over (partition by e.id order by l.position) as place
        from logged l join webhook_endpoints e
          on e.organization_id = l.organization_id and e.livemode = l.livemode and e.deleted_at is null
         and (cardinality(e.events) = 0 or l.type = any(e.events) or split_part(l.type, '.', 1) || '.*' = any(e.events) or '*' = any(e.events))
    ), leasing as (
      select m.*, m.enabled and m.place <= coalesce((p_free->>m.endpoint_id)::integer, m.max_in_flight)
                  and row_number() over (partition by m.enabled order by m.place, m.position) <= p_capacity as leased
        from matched m
    ), counted as (
      update webhook_endpoints e set last_sequence = e.last_sequence + n.made
        from (select m.endpoint_id, count(*) as made from matched m group by 1) n
       where e.id = n.endpoint_id
      returning e.id, e.last_sequence - n.made as before, e.url, e.headers, e.secret, e.max_in_flight
    ), made as (
      insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, next_attempt_at, due_at, lease_token)
        select 'dlv_' || p_delivery_seed || lpad(upper(to_hex(row_number() over (order by l.place, l.position))), 6, '0'),
               l.organization_id, l.livemode, l.endpoint_id, l.event_id, l.type, l.position, c.before + l.place, now(),
               case when l.leased then now() + make_interval(secs => p_lease_seconds) else now() end,
               case when l.leased then p_lease_token end
          from leasing l join counted c on c.id = l.endpoint_id
      returning *
    )
    select d.id, d.endpoint_id, d.event_id, d.event_type, d.sequence, d.organization_id, d.livemode, c.url, c.headers, c.secret, c.max_in_flight,
           case when d.lease_token is not null then l.body end, d.lease_token is null
      from made d join counted c on c.id = d.endpoint_id join logged l on l.id = d.event_id
     order by d.sequence;
end $$;

-- Takes due deliveries for one worker, as many from each endpoint as it has places free, in turns over the endpoints.
-- The lease ends by the clock; what was taken and not recorded by then is due again.
create function works_claim_deliveries(p_retries boolean, p_lease_token text, p_lease_seconds integer, p_limit integer, p_free jsonb)
  returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean,
                 url text, headers jsonb, secret text, max_in_flight integer, body text, attempts_made integer) language sql as $$
  with places as (
    select e.id, e.url, e.headers, e.secret, e.max_in_flight, coalesce((p_free->>e.id)::integer, e.max_in_flight) as free
      from webhook_endpoints e where e.status = 'enabled' and e.deleted_at is null
  ), turns as (
    select due.id, row_number() over (partition by p.id order by due.due_at, due.sequence) as turn
      from places p cross join lateral (
        select d.id, d.due_at, d.sequence from deliveries d
         where d.endpoint_id = p.id and d.status = 'pending' and (d.attempts_made > 0) = p_retries and d.due_at <= now()
         order by d.due_at limit greatest(p.free, 0)
      ) due
     where p.free > 0
  ), chosen as (
    -- Rows that another worker is taking at this moment are left to it.
    select d.id from deliveries d join turns t on t.id = d.id
     where d.status = 'pending' and d.due_at <= now()
     order by t.turn, d.id limit p_limit for update of d skip locked
  ), taken as (
    update deliveries d set lease_token = p_lease_token, due_at = now() + make_interval(secs => p_lease_seconds)
      from chosen c where d.id = c.id returning d.*
  )
  select t.id, t.endpoint_id, t.event_id, t.event_type, t.sequence, t.organization_id, t.livemode, p.url, p.headers, p.secret, p.max_in_flight, l.body, t.attempts_made
    from taken t join places p on p.id = t.endpoint_id join event_log l on l.id = t.event_id
   order by t.sequence
$$;

-- Records what came of attempts, many at once. A result whose lease was lost changes nothing: somebody else has the delivery by now.
create function works_record_attempts(p_results jsonb) returns integer language sql as $$
  with results as (
    select * from jsonb_to_recordset(p_results) as r(
      attempt_id text, delivery_id text, lease_token text, number integer, started_at timestamptz, status_code integer, error jsonb, duration_ms double precision,
      timings jsonb, address text, response_body text, response_headers jsonb, status text, next_attempt_at timestamptz, ended_at timestamptz)
  ), held as (
    update deliveries d
       set status = r.status, attempts_made = r.number, lease_token = null, updated_at = r.ended_at,
           next_attempt_at = r.next_attempt_at, due_at = coalesce(r.next_attempt_at, d.due_at),
           delivered_at = case when r.status = 'delivered' then r.ended_at end
      from results r
     where d.id = r.delivery_id and d.lease_token = r.lease_token and d.status = 'pending'
    returning d.id, d.organization_id, d.livemode, d.endpoint_id
  ), kept as (
    insert into attempts (id, organization_id, livemode, delivery_id, endpoint_id, number, started_at, status_code, error, duration_ms, timings, address, response_body, response_headers)
      select r.attempt_id, h.organization_id, h.livemode, h.id, h.endpoint_id, r.number, r.started_at, r.status_code, r.error, r.duration_ms, r.timings, r.address, r.response_body, r.response_headers
        from results r join held h on h.id = r.delivery_id
    returning 1
  )
  select count(*)::integer from kept
$$;

