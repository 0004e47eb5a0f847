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
