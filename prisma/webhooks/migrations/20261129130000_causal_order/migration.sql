-- The log of an organization is in causal order: no event is numbered before the one before it of the same resource, nor before the one that caused it
-- (ADR 15). What comes early is held here, so that offsets can go on. Everything here happens under the lock of the tenant's counter.
create table early_events (
  id              text        collate "C" primary key,
  organization_id text        not null,
  livemode        boolean     not null,
  place           bigint      not null generated always as identity,
  type            text        not null,
  subject         text        not null,
  project_id      text,
  occurred_at     timestamptz not null,
  before          text        not null,
  after           text        not null,
  previous_event  text        collate "C",
  caused_by       text        collate "C",
  -- When the owners of what it waits for are asked, if it is still here then.
  ask_at          timestamptz not null
);
create index early_events_of_tenant on early_events (organization_id, livemode, place);
create index early_events_after on early_events (previous_event) where previous_event is not null;
create index early_events_because on early_events (caused_by) where caused_by is not null;
create index early_events_to_ask on early_events (ask_at);
select works_protect('early_events'), works_open_to_worker('early_events');

-- Numbered without a predecessor that its owner has given up. For operators; no answer shows it.
alter table event_log add column out_of_order boolean not null default false;

-- Which of these events have a number. Ids begin with their time: what is close together is looked up at once, and opens only the weeks that it is in.
create function works_numbered(p_ids text[]) returns text[] language plpgsql
  set search_path = public, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v record;
  v_found text[];
  v_numbered text[] := '{}';
begin
  for v in
    select array_agg(i.id) as ids, min(i.id collate "C") as first, max(i.id collate "C") as last from unnest(p_ids) as i(id) group by left(i.id, 8)
  loop
    select array_agg(l.id) into v_found from event_log l where l.id = any (v.ids) and l.id between v.first and v.last;
    v_numbered := v_numbered || v_found;
  end loop;
  return v_numbered;
end $$;

-- Whether these events can be numbered as they stand: what they await, beyond each other, has its number, and nothing held is one of them or awaits one
-- of them. Called under the locks of their tenants. Most tenants have nothing held, and most of what is awaited need not be asked for.
create function works_is_in_order(p_ids text[], p_organizations text[], p_livemodes boolean[], p_awaited text[]) returns boolean language plpgsql
  set search_path = public, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  if exists (select from (select distinct g.organization_id, g.livemode from unnest(p_organizations, p_livemodes) as g(organization_id, livemode)) t
              where (select true from early_events h where h.organization_id = t.organization_id and h.livemode = t.livemode order by h.place limit 1))
     and (exists (select from early_events h where h.id = any (p_ids)) or exists (select from early_events h where h.previous_event = any (p_ids))
          or exists (select from early_events h where h.caused_by = any (p_ids))) then
    return false;
  end if;
  return cardinality(p_awaited) = 0 or cardinality(works_numbered(p_awaited)) = cardinality(p_awaited);
end $$;

-- What has to be known to arrange events: first a row that says which of p_ids and of what the held ones await have a number; then what is held and
-- awaits one of p_ids, directly or through others, or is one of them; p_max of it at most. Locks the tenants; what is held of others is passed over.
create function works_early(p_organizations text[], p_livemodes boolean[], p_ids text[], p_awaited text[], p_max integer)
  returns table (numbered text[], id text, organization_id text, livemode boolean, type text, subject text, project_id text, occurred_at timestamptz, before text, after text,
                 previous_event text, caused_by text)
  language plpgsql set search_path = public, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off
  set enable_mergejoin = off set jit = off as $$
#variable_conflict use_column
declare
  v_ids text[];
begin
  perform works_lock_tenants(p_organizations, p_livemodes);
  -- What comes again while it is held must be known as such, so no limit applies to it.
  v_ids := array(select h.id from early_events h where h.id = any (p_ids));
  with recursive early as (
    (select h.id from early_events h where h.previous_event = any (p_ids)
     union
     select h.id from early_events h where h.caused_by = any (p_ids)
     union
     select h.id from early_events h where h.id = any (v_ids))
    union
    select n.id from early e cross join lateral (
      select h.id from early_events h where h.previous_event = e.id
      union all
      select h.id from early_events h where h.caused_by = e.id) n
  )
  select array_agg(i.id) into v_ids from (select unnest(v_ids) as id union select e.id from (select early.id from early limit p_max) e) i;

  numbered := works_numbered(array(
    select i.id from unnest(p_ids || p_awaited) as i(id)
    union
    select a.id from early_events h cross join lateral (values (h.previous_event), (h.caused_by)) as a(id) where h.id = any (v_ids) and a.id is not null));
  return next;
  return query
    select null::text[], h.id, h.organization_id, h.livemode, h.type, h.subject, h.project_id, h.occurred_at, h.before, h.after, h.previous_event, h.caused_by
      from early_events h
     where h.id = any (v_ids) and (h.organization_id, h.livemode) in (select g.organization_id, g.livemode from unnest(p_organizations, p_livemodes) as g(organization_id, livemode))
     order by h.place;
end $$;

-- Holds events back; in the transaction that has called works_early. An organization for which more than p_max would be held is refused as an outage is (53400): its
-- events stay in the event log until there is room.
create function works_hold(p_ids text[], p_organizations text[], p_livemodes boolean[], p_types text[], p_subjects text[], p_projects text[], p_occurred_at timestamptz[],
                           p_bodies_before text[], p_bodies_after text[], p_previous text[], p_caused text[], p_wait_seconds double precision, p_max integer)
  returns void language plpgsql set search_path = public, pg_temp set enable_seqscan = off as $$
declare
  v record;
begin
  for v in select g.organization_id, g.livemode, count(*) as new from unnest(p_organizations, p_livemodes) as g(organization_id, livemode) group by 1, 2 loop
    if (select count(*) from (select from early_events h where h.organization_id = v.organization_id and h.livemode = v.livemode limit p_max) h) + v.new > p_max then
      raise exception 'too many events of one organization wait for others' using errcode = '53400';
    end if;
  end loop;
  insert into early_events (id, organization_id, livemode, type, subject, project_id, occurred_at, before, after, previous_event, caused_by, ask_at)
    select e.id, e.organization_id, e.livemode, e.type, e.subject, e.project_id, e.occurred_at, e.before, e.after, e.previous_event, e.caused_by,
           now() + make_interval(secs => p_wait_seconds)
      from unnest(p_ids, p_organizations, p_livemodes, p_types, p_subjects, p_projects, p_occurred_at, p_bodies_before, p_bodies_after, p_previous, p_caused)
           with ordinality as e(id, organization_id, livemode, type, subject, project_id, occurred_at, before, after, previous_event, caused_by, ordinal)
     order by e.ordinal;
end $$;

-- Held events whose time to ask has come, with what each awaits that has no number and is not itself held. One for which that is nothing can be numbered.
create function works_overdue_early(p_limit integer)
  returns table (id text, organization_id text, livemode boolean, missing text[])
  language plpgsql set search_path = public, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
#variable_conflict use_column
declare
  v_ids text[];
  v_awaited text[];
  v_here text[];
begin
  v_ids := array(select h.id from early_events h where h.ask_at <= now() order by h.ask_at limit p_limit);
  v_awaited := array(select distinct a.id from early_events h cross join lateral (values (h.previous_event), (h.caused_by)) as a(id)
                      where h.id = any (v_ids) and a.id is not null);
  v_here := works_numbered(v_awaited) || array(select h.id from early_events h where h.id = any (v_awaited));
  return query
    select h.id, h.organization_id, h.livemode,
           array(select a.id from (values (h.previous_event), (h.caused_by)) as a(id) where a.id is not null and a.id <> all (v_here))
      from early_events h where h.id = any (v_ids) order by h.place;
end $$;

-- The fan-out refuses, by one row of nulls, what cannot be numbered as it stands, unless its caller has arranged it under the same locks (p_arranged).
-- The one with fewer arguments stays as it is, for workers of the version before that are still to be replaced: it knows of no order.
do $$
declare
  v_function regprocedure;
  v_text text;
  v_change record;
begin
  select oid::regprocedure into strict v_function from pg_proc where proname = 'works_fan_out';
  v_text := pg_get_functiondef(v_function);
  for v_change in
    select * from (values
      ('p_organization_max integer)', 'p_organization_max integer, p_out_of_order boolean[], p_awaited text[], p_arranged boolean)'),
      ('  perform works_lock_tenants(p_organizations, p_livemodes);
', '  perform works_lock_tenants(p_organizations, p_livemodes);
  if not p_arranged and not works_is_in_order(p_ids, p_organizations, p_livemodes, p_awaited) then
    return next;
    return;
  end if;
'),
      ('p_bodies_before, p_bodies_after)
', 'p_bodies_before, p_bodies_after, p_out_of_order)
'),
      ('occurred_at, before, after, ordinal)', 'occurred_at, before, after, out_of_order, ordinal)'),
      ('insert into event_log (organization_id, livemode, position, id, type, subject, project_id, occurred_at, body)',
       'insert into event_log (organization_id, livemode, position, id, type, subject, project_id, occurred_at, out_of_order, body)'),
      ('n.occurred_at, n.before || n.position || n.after', 'n.occurred_at, n.out_of_order, n.before || n.position || n.after')
    ) as c(said, says)
  loop
    assert position(v_change.said in v_text) > 0, v_change.said;
    v_text := replace(v_text, v_change.said, v_change.says);
  end loop;
  execute v_text;
end $$;
