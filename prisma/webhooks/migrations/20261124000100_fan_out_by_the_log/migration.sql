-- The organization's log itself tells what has been taken in: an inbox beside it said the same once more, at the cost of a second insert.
-- Guarantees that an event is numbered, kept, and made a delivery for each matching endpoint exactly once, however often and from however
-- many consumers it arrives; all of a batch commits together. Deliveries within an endpoint's free places come back leased under p_lease_token.
-- An event's bytes come in two halves: its position goes between them.
-- p_free holds, for endpoints that are busy at this worker, how many places are left.
drop function works_fan_out;

create function works_fan_out(
  p_ids text[], p_organizations text[], p_livemodes boolean[], p_types text[], p_subjects text[], p_projects text[],
  p_occurred_at timestamptz[], p_bodies_before text[], p_bodies_after text[], p_delivery_seed text, p_lease_token text, p_lease_seconds integer, p_capacity integer, p_free jsonb
) returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean,
                 url text, headers jsonb, secret text, max_in_flight integer, body text, waiting boolean) language plpgsql set plan_cache_mode = force_generic_plan as $$
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
