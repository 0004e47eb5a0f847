-- What is not published yet is a row, not a comparison with a checkpoint: a fact that commits late, a restore into another cluster, or a transaction that
-- idles elsewhere cannot hide it or hold it back. And positions are numbers of this database, which a dump carries along, not transaction ids of a cluster.

-- The relay's work. A row is written with each public fact, in its transaction, and deleted once the event log has the fact.
create table outbox (
  position        bigint  primary key,
  organization_id text    collate "C" not null,
  livemode        boolean not null,
  -- Found by the repair after an upgrade: published long after facts that came later.
  repaired        boolean not null default false
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
create unique index outbox_of_tenant on outbox (organization_id, livemode, position);
select works_protect('outbox');
select works_open_to_worker('outbox');

-- The incarnations of this database: a restore, a failover or a move to another server begins a new one. A position is told with its epoch's tag,
-- so that one of a history that was lost is not taken for one of the history that follows. `begins_after` is the newest position at that moment.
create table epochs (
  ordinal      integer     primary key generated always as identity,
  tag          text        not null unique,
  begins_after bigint      not null,
  incarnation  text        not null,
  began_at     timestamptz not null default clock_timestamp()
);
grant select on epochs to works_service, works_worker;
grant select on sequence events_position_seq to works_service, works_worker;

-- Which copy of the data this is: the cluster, the database in it, and the timeline, which a promotion or a recovery changes.
create function works_incarnation() returns text language sql stable set search_path = pg_catalog, pg_temp as $$
  select (select system_identifier from pg_control_system())::text || '/' || (select oid from pg_database where datname = current_database())::text
         || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
$$;

-- A restore that the database cannot see (a folder that was copied) says so by this. Returns the new epoch's tag.
create function works_begin_epoch() returns text language plpgsql security definer set search_path = public, pg_temp as $$
declare
  v_tag text := 'e' || left(replace(gen_random_uuid()::text, '-', ''), 7);
begin
  lock table public.epochs in share row exclusive mode;
  insert into public.epochs (tag, begins_after, incarnation)
    select v_tag, s.last_value, public.works_incarnation() from public.events_position_seq s;
  return v_tag;
end $$;
revoke execute on function works_begin_epoch from public;

-- Begins an epoch if this is another incarnation than the newest one's. Asked by whoever has just connected. Returns the present epoch's tag.
create function works_present_epoch() returns text language plpgsql security definer set search_path = public, pg_temp as $$
declare
  v_present public.epochs;
begin
  select * into v_present from public.epochs e order by e.ordinal desc limit 1;
  if v_present.incarnation is distinct from public.works_incarnation() then
    lock table public.epochs in share row exclusive mode;
    -- Somebody else may have been first.
    select * into v_present from public.epochs e order by e.ordinal desc limit 1;
    if v_present.incarnation is distinct from public.works_incarnation() then
      return public.works_begin_epoch();
    end if;
  end if;
  return v_present.tag;
end $$;
revoke execute on function works_present_epoch from public;
grant execute on function works_present_epoch to works_service, works_worker;

-- The owner is bound by row-level security as everybody is, and has to see the facts of all tenants once.
alter table events no force row level security;
alter table outbox no force row level security;

-- What has not been published goes into the outbox; what the checkpoint says has been is looked through once more by the repair (`repair`), because
-- a relay that sorted positions as text could pass facts over.
insert into outbox (position, organization_id, livemode)
  select e.position, e.organization_id, e.livemode from events e
   where e.topic is not null
     and (e.tx, e.position) > (coalesce((select c.tx from checkpoints c where c.name = 'relay'), '0'::xid8),
                               coalesce((select c.position from checkpoints c where c.name = 'relay'), 0));

create table repairs (
  name       text    primary key,
  -- Positions after this one and up to `through` are still to be looked at.
  looked_at  bigint  not null,
  through    bigint  not null,
  found      bigint  not null default 0
);
grant select, insert, update, delete on repairs to works_worker;
insert into repairs (name, looked_at, through)
  select 'passed over by the relay', 0, max(e.position)
    from checkpoints c join events e on e.topic is not null and (e.tx, e.position) <= (c.tx, c.position)
   where c.name = 'relay' having max(e.position) is not null;

alter table events force row level security;
alter table outbox force row level security;

delete from checkpoints;
alter table checkpoints drop column tx;
alter table checkpoints add column epoch text not null;

alter table events drop column tx;
alter table events add primary key (position);

-- A remembered answer repeats its position.
alter table idempotency_keys drop column tx;
alter table idempotency_keys add column position bigint not null default 0;

select works_begin_epoch();

-- A position as it is told: with the present epoch, whose history holds it.
create function works_told_position(p_position bigint) returns text language sql stable as $$
  select e.tag || '.' || p_position from public.epochs e order by e.ordinal desc limit 1
$$;

drop function works_append;

-- One element per mutation, event and document, each with its tenant. A null key: nothing is remembered. `p_previous_at`, where it is not null, is the
-- character of the event's public body at which the id of the aggregate's previous public event goes in the place of `null`: only here is it certain.
-- Raises `unique_violation` on events_stream_version when another writer was first, and SKT01 when a key is already remembered (the duplicate then
-- replays that answer). Returns the position that readers can wait for: it is not before any of these events.
create function works_append(
  p_organizations text[], p_livemodes boolean[], p_keys text[], p_fingerprints text[], p_statuses integer[], p_headers text[], p_bodies text[],
  p_event_organizations text[], p_event_livemodes boolean[], p_event_ids text[], p_stream_ids text[], p_versions integer[], p_types text[], p_data text[],
  p_topics text[], p_log_keys text[], p_publics text[], p_previous_at integer[], p_metadata text[], p_occurred_at timestamptz[],
  p_document_organizations text[], p_document_livemodes boolean[], p_tables text[], p_document_ids text[], p_document_versions integer[], p_states text[],
  p_remember_seconds integer, p_lock_timeout text
) returns text language plpgsql
  set search_path = public, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_tenant     record;
  v_remembered integer;
begin
  -- A writer that waits longer than this for its duplicate gives its connection back and asks again.
  perform set_config('lock_timeout', p_lock_timeout, true);

  -- In one order everywhere, so that two batches over the same tenants never wait for each other in a circle.
  for v_tenant in
    select t.organization_id, t.livemode, count(t.key) as keys from unnest(p_organizations, p_livemodes, p_keys) as t(organization_id, livemode, key)
     group by t.organization_id, t.livemode order by t.organization_id, t.livemode
  loop
    perform set_config('works.organization_id', v_tenant.organization_id, true), set_config('works.livemode', v_tenant.livemode::text, true);

    with appended as (
      insert into events (organization_id, livemode, id, stream_id, version, type, data, topic, log_key, public, metadata, occurred_at)
        select e.organization_id, e.livemode, e.id, e.stream_id, e.version, e.type, e.data::jsonb, e.topic, e.log_key,
               case when e.previous_at is null then e.public else
                 coalesce(overlay(e.public placing to_json((
                   select case when p.topic is null then p.metadata->>'announced_by' else p.id end from events p
                    where p.stream_id = e.stream_id and p.version = e.version - 1))::text from e.previous_at for 4), e.public) end,
               e.metadata::jsonb, e.occurred_at
          from unnest(p_event_organizations, p_event_livemodes, p_event_ids, p_stream_ids, p_versions, p_types, p_data, p_topics, p_log_keys, p_publics,
                      p_previous_at, p_metadata, p_occurred_at)
               as e(organization_id, livemode, id, stream_id, version, type, data, topic, log_key, public, previous_at, metadata, occurred_at)
         where e.organization_id = v_tenant.organization_id and e.livemode = v_tenant.livemode
      returning position, topic
    )
    insert into outbox (position, organization_id, livemode)
      select a.position, v_tenant.organization_id, v_tenant.livemode from appended a where a.topic is not null;
    perform works_store_documents(v_tenant.organization_id, v_tenant.livemode, p_document_organizations, p_document_livemodes,
                                  p_tables, p_document_ids, p_document_versions, p_states);

    if v_tenant.keys > 0 then
      -- An expired record is written over; a live one is the sign that this request has been answered before.
      insert into idempotency_keys as k (organization_id, livemode, key, fingerprint, status, headers, body, position, expires_at)
        select r.organization_id, r.livemode, r.key, r.fingerprint, r.status, r.headers::jsonb, r.body, (select s.last_value from events_position_seq s),
               now() + make_interval(secs => p_remember_seconds)
          from unnest(p_organizations, p_livemodes, p_keys, p_fingerprints, p_statuses, p_headers, p_bodies)
               as r(organization_id, livemode, key, fingerprint, status, headers, body)
         where r.organization_id = v_tenant.organization_id and r.livemode = v_tenant.livemode and r.key is not null
      on conflict (organization_id, livemode, key) do update
        set fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, body = excluded.body,
            position = excluded.position, created_at = excluded.created_at, expires_at = excluded.expires_at
        where k.expires_at <= now();
      get diagnostics v_remembered = row_count;
      if v_remembered < v_tenant.keys then
        raise exception 'this idempotency key is already remembered' using errcode = 'SKT01';
      end if;
    end if;
  end loop;
  return works_told_position((select s.last_value from events_position_seq s));
end $$;

-- The remembered answer of a key, or no row.
drop function works_remembered;
create function works_remembered(p_organization_id text, p_livemode boolean, p_key text)
  returns table (fingerprint text, status smallint, headers jsonb, body text, "position" text) language plpgsql set search_path = public, pg_temp as $$
begin
  perform set_config('works.organization_id', p_organization_id, true), set_config('works.livemode', p_livemode::text, true);
  return query
    select k.fingerprint, k.status, k.headers, k.body, works_told_position(k.position)
      from idempotency_keys k
     where k.organization_id = p_organization_id and k.livemode = p_livemode and k.key = p_key and k.expires_at > now();
end $$;

-- Makes a table of documents: (id, organization_id, livemode, version, state), one row per aggregate, with the statement works_load_<table>:
-- the document and, if there is one, the remembered answer, in one round trip. The unique (stream_id, version) of the events guards documents
-- against lost updates.
create or replace function works_declare_aggregate(p_table text) returns void language plpgsql set search_path = public, pg_temp as $$
begin
  perform works_protect(p_table);
  perform works_compile_load(p_table);
  perform works_compile_store();
end $$;

create function works_compile_load(p_table text) returns void language plpgsql set search_path = public, pg_temp as $$
begin
  execute format('drop function if exists works_load_%s', p_table);
  execute format($function$
    create function works_load_%1$s(p_organization_id text, p_livemode boolean, p_id text, p_key text)
      returns table (version integer, state jsonb, fingerprint text, status smallint, headers jsonb, body text, "position" text)
      language plpgsql set search_path = public, pg_temp as $body$
    begin
      perform set_config('works.organization_id', p_organization_id, true), set_config('works.livemode', p_livemode::text, true);
      return query
        select d.version, d.state, k.fingerprint, k.status, k.headers, k.body, case when k.fingerprint is not null then works_told_position(k.position) end
          from (select) as one
          left join %1$I d on d.id = p_id
          left join idempotency_keys k
            on k.organization_id = p_organization_id and k.livemode = p_livemode and k.key = p_key and k.expires_at > now();
    end $body$
  $function$, p_table);
end $$;

do $$
declare
  v_table text;
begin
  for v_table in select substr(p.proname, length('works_load_') + 1) from pg_proc p where p.proname like 'works\_load\_%' and p.pronamespace = current_schema::regnamespace loop
    perform works_compile_load(v_table);
  end loop;
end $$;
