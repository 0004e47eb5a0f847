-- What an endpoint wants of the types it asks for: the events of these projects, and those that meet every condition. Empty means all.
-- A condition stands under the dotted path of a value: {"data.task.priority": {"in": ["urgent", "high"]}}.
alter table webhook_endpoints
  add column projects text[] not null default '{}',
  add column filter jsonb not null default '{}' check (jsonb_typeof(filter) = 'object');

-- What is not there counts as null. Paths lead through objects only: a list is a value like any other, equal to no scalar.
-- Agrees with what domain/event-filter.examples.ts says in TypeScript; a property holds the two together.
-- An event that cannot be looked into (its text holds what jsonb cannot) is sent: one too many can be told apart, one too few is lost.
create function works_endpoint_wants(p_projects text[], p_filter jsonb, p_project text, p_body text) returns boolean language plpgsql immutable as $$
declare
  v_event jsonb;
  v_value jsonb;
  v_path text;
  v_key text;
  v_condition jsonb;
begin
  if cardinality(p_projects) > 0 and coalesce(p_project <> all(p_projects), true) then
    return false;
  end if;
  if p_filter = '{}' or not pg_input_is_valid(p_body, 'jsonb') then
    return true;
  end if;
  v_event := p_body::jsonb;
  for v_path, v_condition in select * from jsonb_each(p_filter) loop
    v_value := v_event;
    foreach v_key in array string_to_array(v_path, '.') loop
      v_value := v_value -> v_key;
    end loop;
    v_value := coalesce(v_value, 'null');
    if not (case
      when v_condition ? 'equals' then v_value = v_condition -> 'equals'
      when v_condition ? 'in' then v_condition -> 'in' @> jsonb_build_array(v_value)
      else (v_value <> 'null') = (v_condition ->> 'exists')::boolean
    end) then
      return false;
    end if;
  end loop;
  return true;
end $$;

-- As it was, and what an endpoint does not want is neither made a delivery nor numbered for it. An endpoint that takes everything pays nothing.
create or replace function works_fan_out(
  p_ids text[], p_organizations text[], p_livemodes boolean[], p_types text[], p_subjects text[], p_projects text[],
  p_occurred_at timestamptz[], p_bodies_before text[], p_bodies_after text[], p_delivery_seed text, p_lease_token text, p_lease_seconds integer, p_capacity integer, p_free jsonb
) returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean,
                 url text, headers jsonb, secret text, max_in_flight integer, body text, waiting boolean) language plpgsql
  set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
#variable_conflict use_column
begin
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
        from unnest(p_ids, p_organizations, p_livemodes, p_types, p_subjects, p_projects, p_occurred_at, p_bodies_before, p_bodies_after)
             with ordinality as g(id, organization_id, livemode, type, subject, project_id, occurred_at, before, after, ordinal)
       -- Two consumers with the same event have met on its tenant's counter: the second has waited, and now finds it in the log.
       -- A scalar subquery, so that it stays one look-up in the index for each event, whatever the statistics say.
       where (select true from event_log l where l.id = g.id) is null order by g.id, g.ordinal
    ), numbered as (
      select f.*, c.last_position + row_number() over (partition by f.organization_id, f.livemode order by f.ordinal) as position
        from fresh f join event_counters c on c.organization_id = f.organization_id and c.livemode = f.livemode
    ), logged as (
      insert into event_log (organization_id, livemode, position, id, type, subject, project_id, occurred_at, body)
        select n.organization_id, n.livemode, n.position, n.id, n.type, n.subject, n.project_id, n.occurred_at, n.before || n.position || n.after
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
         and (cardinality(e.projects) = 0 and e.filter = '{}' or works_endpoint_wants(e.projects, e.filter, l.project_id, l.body))
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
