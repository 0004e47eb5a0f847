-- platform:begin 02-gathered-appends
-- Many mutations in one round trip and one commit. Each is still whole: its events, documents and remembered answer stand in this transaction
-- or nowhere. When one of several is refused, all are, and the service sends each again alone.

-- Stores documents of every kind of aggregate. Written anew when an aggregate is declared, so that its statements are planned once per
-- connection; a table's name put together at run time would be planned at every call, which costs more than the insert.
create function works_compile_store() returns void language plpgsql as $$
declare
  v_body text;
begin
  select string_agg(format($body$
      if %1$L = any(p_tables) then
        insert into %1$I (id, organization_id, livemode, version, state)
          select d.id, p_organization_id, p_livemode, d.version, d.state::jsonb
            from unnest(p_organizations, p_livemodes, p_tables, p_ids, p_versions, p_states) as d(organization_id, livemode, in_table, id, version, state)
           where d.in_table = %1$L and d.organization_id = p_organization_id and d.livemode = p_livemode
        on conflict (id) do update set version = excluded.version, state = excluded.state;
      end if;$body$, substr(proname, length('works_load_') + 1)), '' order by proname)
    into v_body
    from pg_proc
   where proname like 'works\_load\_%' and pronamespace = current_schema::regnamespace;
  execute format($function$
    create or replace function works_store_documents(
      p_organization_id text, p_livemode boolean, p_organizations text[], p_livemodes boolean[], p_tables text[], p_ids text[], p_versions integer[], p_states text[]
    ) returns void language plpgsql set plan_cache_mode = force_generic_plan as $body$ begin %s end $body$
  $function$, coalesce(v_body, ''));
end $$;

-- Makes a table of documents: (id, organization_id, livemode, version, state), one row per aggregate, with the statement works_load_<table>:
-- the document and, if there is one, the remembered answer, in one round trip. The unique (stream_id, version) of the events guards documents
-- against lost updates.
create or replace function works_declare_aggregate(p_table text) returns void language plpgsql as $$
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
  perform works_compile_store();
end $$;

drop function works_append;

-- One element per mutation, event and document, each with its tenant. A null key: nothing is remembered.
-- Raises `unique_violation` on events_stream_version when another writer was first, and SKT01 when a key is already remembered (the twin then
-- replays that answer). Returns the transaction, which is the position that readers can wait for.
create function works_append(
  p_organizations text[], p_livemodes boolean[], p_keys text[], p_fingerprints text[], p_statuses integer[], p_headers text[], p_bodies text[],
  p_event_organizations text[], p_event_livemodes boolean[], p_event_ids text[], p_stream_ids text[], p_versions integer[], p_types text[], p_data text[],
  p_topics text[], p_log_keys text[], p_publics text[], p_metadata text[], p_occurred_at timestamptz[],
  p_document_organizations text[], p_document_livemodes boolean[], p_tables text[], p_document_ids text[], p_document_versions integer[], p_states text[],
  p_remember_seconds integer, p_lock_timeout text
) returns text language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
  v_tenant     record;
  v_remembered integer;
begin
  -- A writer that waits longer than this for its twin gives its connection back and asks again.
  perform set_config('lock_timeout', p_lock_timeout, true);

  -- In one order everywhere, so that two batches over the same tenants never wait for each other in a circle.
  for v_tenant in
    select t.organization_id, t.livemode, count(t.key) as keys from unnest(p_organizations, p_livemodes, p_keys) as t(organization_id, livemode, key)
     group by 1, 2 order by 1, 2
  loop
    perform set_config('works.organization_id', v_tenant.organization_id, true), set_config('works.livemode', v_tenant.livemode::text, true);

    insert into events (organization_id, livemode, id, stream_id, version, type, data, topic, log_key, public, metadata, occurred_at)
      select e.organization_id, e.livemode, e.id, e.stream_id, e.version, e.type, e.data::jsonb, e.topic, e.log_key, e.public, e.metadata::jsonb, e.occurred_at
        from unnest(p_event_organizations, p_event_livemodes, p_event_ids, p_stream_ids, p_versions, p_types, p_data, p_topics, p_log_keys, p_publics,
                    p_metadata, p_occurred_at)
             as e(organization_id, livemode, id, stream_id, version, type, data, topic, log_key, public, metadata, occurred_at)
       where e.organization_id = v_tenant.organization_id and e.livemode = v_tenant.livemode;
    perform works_store_documents(v_tenant.organization_id, v_tenant.livemode, p_document_organizations, p_document_livemodes,
                                  p_tables, p_document_ids, p_document_versions, p_states);

    if v_tenant.keys > 0 then
      -- An expired record is written over; a live one is the sign that this request has been answered before.
      insert into idempotency_keys as k (organization_id, livemode, key, fingerprint, status, headers, body, expires_at)
        select r.organization_id, r.livemode, r.key, r.fingerprint, r.status, r.headers::jsonb, r.body, now() + make_interval(secs => p_remember_seconds)
          from unnest(p_organizations, p_livemodes, p_keys, p_fingerprints, p_statuses, p_headers, p_bodies)
               as r(organization_id, livemode, key, fingerprint, status, headers, body)
         where r.organization_id = v_tenant.organization_id and r.livemode = v_tenant.livemode and r.key is not null
      on conflict (organization_id, livemode, key) do update
        set fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, body = excluded.body,
            tx = excluded.tx, created_at = excluded.created_at, expires_at = excluded.expires_at
        where k.expires_at <= now();
      get diagnostics v_remembered = row_count;
      if v_remembered < v_tenant.keys then
        raise exception 'this idempotency key is already remembered' using errcode = 'SKT01';
      end if;
    end if;
  end loop;
  return pg_current_xact_id()::text;
end $$;

-- What was declared before this stood.
do $$
declare
  v_former regprocedure;
begin
  for v_former in select p.oid from pg_proc p where p.proname like 'works\_store\_%' and p.pronamespace = current_schema::regnamespace and p.proname <> 'works_store_documents' loop
    execute format('drop function %s', v_former);
  end loop;
  perform works_compile_store();
end $$;
-- platform:end
