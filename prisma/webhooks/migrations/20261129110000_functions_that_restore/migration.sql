-- Guarantees that each function means the same whoever calls it: pg_dump restores with an empty search_path, in which a function that names
-- others without their schema is an error, and the table whose generated column calls it comes back empty.
-- A search path of its own costs a call some microseconds and keeps a function in SQL from being put in place where it is called, so functions
-- that reach no table or are to be put in place name the schema in their body instead: the immutable ones, and those in SQL without settings.
-- `create or replace` forgets the settings of a function: a migration that makes or replaces one ends with a call of this.
create function works_pin_search_paths() returns void language plpgsql set search_path = public, pg_temp as $$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid from pg_proc p join pg_language l on l.oid = p.prolang
     where p.pronamespace = 'public'::regnamespace
       and (l.lanname = 'plpgsql' and p.provolatile <> 'i' or l.lanname = 'sql' and p.proconfig is not null)
       and not exists (select from unnest(p.proconfig) as setting where setting like 'search\_path=%')
       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
     order by 1
  loop
    execute format('alter function %s set search_path = public, pg_temp', v_function);
  end loop;
end $$;

create or replace function works_dead_after(p_organization_id text, p_livemode boolean, p_after text, p_limit bigint)
  returns table (id text, endpoint_id text, event_type text, attempts_made integer, created_at timestamptz, updated_at timestamptz)
  language sql stable as $$
  select d.id, d.endpoint_id, d.event_type, d.attempts_made, d.created_at, d.updated_at from public.deliveries d
   where (d.organization_id, d.livemode, d.id) > (p_organization_id, p_livemode, p_after)
     and (d.organization_id, d.livemode, d.id) < (p_organization_id, p_livemode, 'dlv_8')
     and d.status = 'dead' and d.replayed_as is null
   order by d.organization_id, d.livemode, d.id limit p_limit
$$;

create or replace function works_hears_of_failures(p_endpoint webhook_endpoints, p_type text, p_subject text) returns boolean language sql stable as $$
  select (p_type = any(p_endpoint.events) or split_part(p_type, '.', 1) || '.*' = any(p_endpoint.events))
     and p_endpoint.id is distinct from
         case p_type when 'webhook_endpoint.disabled' then p_subject else (select d.endpoint_id from public.deliveries d where d.id = p_subject) end
$$;

create or replace function works_places_left(p_endpoint webhook_endpoints, p_in_flight bigint) returns integer language sql stable as $$
  select greatest(0, least(case when p_endpoint.breaker_opened_at is null then p_endpoint.max_in_flight else 1 end - p_in_flight,
                           public.works_rate_left(p_endpoint)))::integer
$$;

select works_pin_search_paths();
