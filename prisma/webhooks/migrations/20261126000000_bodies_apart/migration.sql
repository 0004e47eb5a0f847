-- Where a statement locks or changes rows, and one of them has just been changed by another, PostgreSQL looks at that row again, with a second copy of
-- the statement's plan. That copy shares with the first what it needs to find partitions by a value of another row, and takes it along when it
-- ends: the next look-up in event_log reads freed memory, and the server crashes (seen with 18.4, under load). So no statement here does both: what
-- is in event_log is read by a statement of its own, which moreover opens only the partitions between its first and its last event.

-- And what is rarely needed is not a part of what always runs: starting a statement costs by its length, and for one event that is most of what it costs.

-- What has just been leased, in its order, as a worker needs it. Called by functions that have planned for look-ups only.
create function works_leased(p_taken deliveries_pending[], p_first_event text, p_last_event text)
  returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean, url text, headers jsonb, secret text,
                 max_in_flight integer, body text, next_attempt_at timestamptz, ordered boolean, passed text, attempts_made integer, lane integer)
  language plpgsql stable as $$
#variable_conflict use_column
begin
  if p_taken is null then return; end if;
  return query
    select t.id, t.endpoint_id, t.event_id, t.event_type, t.sequence, t.organization_id, t.livemode, e.url, e.headers, e.secret, e.max_in_flight,
           (select l.body from event_log l where l.id = t.event_id and l.id between p_first_event and p_last_event), t.next_attempt_at, t.order_key is not null, t.passed,
           t.attempts_made, works_lane(t.replay_job_id, t.attempts_made)
      from unnest(p_taken) with ordinality t cross join lateral (select e.* from webhook_endpoints e where e.id = t.endpoint_id offset 0) e
     order by t.ordinality;
end $$;

create or replace function works_claim_deliveries(p_lease_token text, p_lease_seconds integer, p_first integer, p_retries integer, p_replays integer, p_organization_max integer)
  returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean, url text, headers jsonb, secret text, max_in_flight integer, body text, next_attempt_at timestamptz, ordered boolean, passed text, attempts_made integer, lane integer, waiting boolean, next_in_ms double precision)
  language plpgsql set plan_cache_mode = force_generic_plan set enable_bitmapscan = off set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
  v_endpoints text[];
  v_organizations text[];
  v_livemodes boolean[];
  v_passed_over boolean;
  v_paced_until timestamptz;
  v_share integer;
  v_taken deliveries_pending[];
  v_first_event text;
  v_last_event text;
begin
  -- One step for each endpoint and lane with something waiting: its first row says when the earliest is due.
  with recursive lines as (
    (select d.endpoint_id, works_lane(d.replay_job_id, d.attempts_made) as lane, d.due_at from deliveries_pending d where d.status = 'pending' and d.lease_token is null
      order by d.endpoint_id, works_lane(d.replay_job_id, d.attempts_made), d.due_at limit 1)
    union all
    select n.* from lines l cross join lateral (
      select d.endpoint_id, works_lane(d.replay_job_id, d.attempts_made) as lane, d.due_at from deliveries_pending d
       where d.status = 'pending' and d.lease_token is null and (d.endpoint_id, works_lane(d.replay_job_id, d.attempts_made)) > (l.endpoint_id, l.lane)
       order by d.endpoint_id, works_lane(d.replay_job_id, d.attempts_made), d.due_at limit 1
    ) n
  ), due_lines as materialized (
    select distinct l.endpoint_id from lines l
     where l.due_at <= now() and case l.lane when 0 then p_first when 1 then p_retries else p_replays end > 0
  ), due as materialized (
    select e.id, e.organization_id, e.livemode,
           (select count(*) from deliveries_pending f
             where f.organization_id || f.livemode::text = e.organization_id || e.livemode::text and f.endpoint_id = e.id and f.status = 'pending' and f.lease_token is not null)
             < case when e.breaker_opened_at is null then e.max_in_flight else 1 end as has_place,
           case when works_rate_left(e) < 1 then e.paced_since + interval '1 second' / e.rate_limit_per_second end as paced_until
      from due_lines l cross join lateral (select e.* from webhook_endpoints e where e.id = l.endpoint_id offset 0) e
     where e.status = 'enabled'
  )
  select array_agg(due.id) filter (where due.has_place and due.paced_until is null), array_agg(due.organization_id) filter (where due.has_place and due.paced_until is null),
         array_agg(due.livemode) filter (where due.has_place and due.paced_until is null), coalesce(bool_or(not due.has_place), false), min(due.paced_until)
    into v_endpoints, v_organizations, v_livemodes, v_passed_over, v_paced_until from due;

  if v_endpoints is not null then
    -- From here on nobody else leases for these tenants, and what others have leased can be counted.
    perform works_lock_counters(v_organizations, v_livemodes);
    perform from webhook_endpoints e where e.id = any (v_endpoints) and e.rate_limit_per_second is not null order by e.id for no key update;

    -- Twice an even share of what can be taken: what an endpoint has beyond it is for the next claim, and need not be read.
    v_share := ceil(2.0 * (p_first + p_retries + p_replays) / cardinality(v_endpoints));

    with busy as (
      select t.organization_id, t.livemode, d.endpoint_id, count(*) as in_flight, count(d.replay_job_id) as replays
        from (select distinct g.organization_id, g.livemode from unnest(v_organizations, v_livemodes) as g(organization_id, livemode)) t
        join deliveries_pending d on d.organization_id || d.livemode::text = t.organization_id || t.livemode::text and d.status = 'pending' and d.lease_token is not null
       group by 1, 2, 3
    ), tenants as (
      select b.organization_id, b.livemode, sum(b.in_flight)::bigint as in_flight from busy b group by 1, 2
    ), places as (
      select e.id, e.organization_id, e.livemode, p_organization_max - coalesce(t.in_flight, 0) as organization_left,
             coalesce(b.in_flight, 0) as in_flight, works_places_left(e, coalesce(b.in_flight, 0)) as places_left,
             greatest(0, greatest(1, e.max_in_flight / 2) - coalesce(b.replays, 0)) as replays_left
        from webhook_endpoints e
        left join busy b on b.endpoint_id = e.id
        left join tenants t on t.organization_id = e.organization_id and t.livemode = e.livemode
       where e.id = any (v_endpoints) and e.status = 'enabled'
    ), turns as (
      select due.id, due.lane, p.id as endpoint_id, p.organization_id, p.livemode, p.organization_left, p.in_flight,
             row_number() over (partition by p.id order by due.due_at, due.sequence) as turn
        from places p cross join lateral (
          (select d.id, 0 as lane, d.due_at, d.sequence from deliveries_pending d
            where d.endpoint_id = p.id and d.status = 'pending' and d.lease_token is null and works_lane(d.replay_job_id, d.attempts_made) = 0 and d.due_at <= now()
            order by d.due_at, d.sequence limit least(p.places_left, p_first, v_share))
          union all
          (select d.id, 1, d.due_at, d.sequence from deliveries_pending d
            where d.endpoint_id = p.id and d.status = 'pending' and d.lease_token is null and works_lane(d.replay_job_id, d.attempts_made) = 1 and d.due_at <= now()
            order by d.due_at, d.sequence limit least(p.places_left, p_retries, v_share))
          union all
          (select d.id, 2, d.due_at, d.sequence from deliveries_pending d
            where d.endpoint_id = p.id and d.status = 'pending' and d.lease_token is null and works_lane(d.replay_job_id, d.attempts_made) = 2 and d.due_at <= now()
            order by d.due_at, d.sequence limit least(p.places_left, p.replays_left, p_replays, v_share))
          order by due_at, sequence limit p.places_left
        ) due
       where p.places_left > 0
    ), within_organization as (
      select t.*, row_number() over (partition by t.organization_id, t.livemode order by t.in_flight + t.turn, hashtext(t.endpoint_id || p_lease_token)) as place from turns t
    ), within_lane as (
      -- Those that come last in one claim come by chance first in another.
      select w.id, w.lane, row_number() over (partition by w.lane order by w.place, hashtext(w.organization_id || p_lease_token)) as place
        from within_organization w where works_leaves_enough(w.in_flight + w.turn, w.place, w.organization_left)
    ), chosen as (
      -- (Said in words of which no index is made, and with bitmaps off, so that only the ids can answer: every other index would name all that waits.)
      select d.id from deliveries_pending d
       where d.id = any (array(select w.id from within_lane w where w.place <= case w.lane when 0 then p_first when 1 then p_retries else p_replays end))
         and d.status || '' = 'pending' and coalesce(d.lease_token, '') = '' and now() - d.due_at >= interval '0'
         for update of d skip locked
    ), taken as (
      update deliveries_pending d set lease_token = p_lease_token, due_at = now() + make_interval(secs => p_lease_seconds)
       where d.id = any (array(select c.id from chosen c)) returning d
    ), paced as (
      update webhook_endpoints e set paced_since = works_paced(e, n.taken)
        from (select (t.d).endpoint_id, count(*) as taken from taken t group by 1) n
       where e.id = n.endpoint_id and e.rate_limit_per_second is not null
    )
    select array_agg(t.d order by (t.d).sequence), min((t.d).event_id collate "C"), max((t.d).event_id collate "C") into v_taken, v_first_event, v_last_event from taken t;

    return query select l.*, false, null::double precision from works_leased(v_taken, v_first_event, v_last_event) l;
  end if;

  delivery_id := null;
  waiting := v_passed_over;
  next_in_ms := extract(epoch from least(v_paced_until, (
    select d.due_at from deliveries_pending d
     where d.next_attempt_at is not null and d.lease_token is null and d.due_at > now() and d.due_at < 'infinity' order by d.due_at limit 1)) - clock_timestamp()) * 1000;
  return next;
end $$;

create or replace function works_hand_over(p_endpoints text[], p_places integer[], p_lease_token text, p_lease_seconds integer, p_organization_max integer)
  returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean, url text, headers jsonb, secret text, max_in_flight integer, body text, next_attempt_at timestamptz, ordered boolean, passed text)
  language plpgsql set plan_cache_mode = force_generic_plan set enable_bitmapscan = off set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
  v_taken deliveries_pending[];
  v_first_event text;
  v_last_event text;
begin
  -- Most of the time nothing waits, and that is known sooner.
  if not exists (select from unnest(p_endpoints) as g(id)
                  where (select d.due_at <= now() from deliveries_pending d
                          where d.endpoint_id = g.id and d.status = 'pending' and d.lease_token is null and works_lane(d.replay_job_id, d.attempts_made) = 0
                          order by d.due_at, d.sequence limit 1)) then
    return;
  end if;

  with places as (
    select e.id, least(g.places, e.max_in_flight - (
             select count(*) from deliveries_pending f
              where f.organization_id || f.livemode::text = e.organization_id || e.livemode::text and f.endpoint_id = e.id and f.status = 'pending' and f.lease_token is not null)) as places
      from unnest(p_endpoints, p_places) as g(id, places) cross join lateral (select e.* from webhook_endpoints e where e.id = g.id offset 0) e
     where e.status = 'enabled' and e.deleted_at is null and e.breaker_opened_at is null and e.rate_limit_per_second is null
       and 2 * (select count(*) from deliveries_pending f
                 where f.organization_id || f.livemode::text = e.organization_id || e.livemode::text and f.status = 'pending' and f.lease_token is not null) <= p_organization_max
       -- (Ordered, so that the index of what waits answers: the first of each lane tells.)
       and not coalesce((select d.due_at <= now() from deliveries_pending d
                          where d.endpoint_id = e.id and d.status = 'pending' and d.lease_token is null and works_lane(d.replay_job_id, d.attempts_made) = 1
                          order by d.due_at limit 1), false)
       and not coalesce((select d.due_at <= now() from deliveries_pending d
                          where d.endpoint_id = e.id and d.status = 'pending' and d.lease_token is null and works_lane(d.replay_job_id, d.attempts_made) = 2
                          order by d.due_at limit 1), false)
  ), next as (
    select d.id from places p cross join lateral (
      select d.id from deliveries_pending d
       where d.endpoint_id = p.id and d.status = 'pending' and d.lease_token is null and works_lane(d.replay_job_id, d.attempts_made) = 0 and d.due_at <= now()
       order by d.due_at, d.sequence limit p.places) d
     where p.places > 0
  ), chosen as (
    -- (Said so that only the ids can answer, as in works_claim_deliveries.)
    select d.id from deliveries_pending d
     where d.id = any (array(select n.id from next n)) and d.status || '' = 'pending' and coalesce(d.lease_token, '') = '' and now() - d.due_at >= interval '0'
       for update of d skip locked
  ), taken as (
    update deliveries_pending d set lease_token = p_lease_token, due_at = now() + make_interval(secs => p_lease_seconds)
     where d.id = any (array(select c.id from chosen c)) returning d
  )
  select array_agg(t.d order by (t.d).sequence), min((t.d).event_id collate "C"), max((t.d).event_id collate "C") into v_taken, v_first_event, v_last_event from taken t;

  return query select l.delivery_id, l.endpoint_id, l.event_id, l.event_type, l.sequence, l.organization_id, l.livemode, l.url, l.headers, l.secret, l.max_in_flight, l.body,
                      l.next_attempt_at, l.ordered, l.passed
                 from works_leased(v_taken, v_first_event, v_last_event) l;
end $$;

-- What of a recorded attempt can matter to its endpoint, and to those that wait in line behind it.
create type works_held as (id text, endpoint_id text, order_key text, sequence bigint, status text, ok boolean, unreachable boolean, ended_at timestamptz, expired boolean);

create or replace function works_record_attempts(p_results jsonb, p_patience_seconds integer) returns jsonb language plpgsql
  set plan_cache_mode = force_generic_plan set enable_bitmapscan = off set enable_seqscan = off as $$
declare
  v_notable boolean;
  v_recorded integer;
  v_held works_held[];
  v_answer jsonb;
begin
  -- Endpoints before deliveries, as everybody. A healthy endpoint that answered has nothing to note and is not locked. Who lets the next in line
  -- go must not miss one that is being lined up at this moment: that happens under the same lock.
  perform from webhook_endpoints e
    where e.id = any (array(select r.endpoint_id from jsonb_to_recordset(p_results) as r(endpoint_id text)))
      and (e.failing_since is not null or e.id = any (array(select r.endpoint_id from jsonb_to_recordset(p_results) as r(endpoint_id text, failed boolean, ordered boolean)
                                                             where r.failed or r.ordered)))
    order by e.id for no key update;
  v_notable := found;

  with results as (
    select * from jsonb_to_recordset(p_results) as r(
      attempt_id text, delivery_id text, lease_token text, number integer, started_at timestamptz, status_code integer, error jsonb, duration_ms double precision,
      timings jsonb, address text, response_body text, response_headers jsonb, status text, next_attempt_at timestamptz, ended_at timestamptz, unreachable boolean)
  ), tried as (
    update deliveries_pending d
       set attempts_made = r.number, lease_token = null, updated_at = r.ended_at, next_attempt_at = r.next_attempt_at, due_at = r.next_attempt_at
      from results r
     -- Only what is pending has a lease. The ids say where to look, as above.
     where d.id = any (array(select o.delivery_id from results o where o.status = 'pending')) and d.id = r.delivery_id and d.lease_token = r.lease_token
    returning d.id, d.organization_id, d.livemode, d.endpoint_id, d.order_key, d.sequence, d.status
  ), over as (
    delete from deliveries_pending d using results r
     where d.id = any (array(select o.delivery_id from results o where o.status <> 'pending')) and d.id = r.delivery_id and d.lease_token = r.lease_token
    returning d.id, d.organization_id, d.livemode, d.endpoint_id, d.event_id, d.event_type, d.event_position, d.sequence, r.status, r.number, r.ended_at, d.due_at, d.created_at,
              d.replay_of, d.replayed_as, d.replays, d.replay_job_id, d.order_key, d.passed
  ), ended as (
    insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, status, attempts_made, due_at, created_at, updated_at,
                            delivered_at, replay_of, replayed_as, replays, replay_job_id, order_key, passed, week)
      select o.id, o.organization_id, o.livemode, o.endpoint_id, o.event_id, o.event_type, o.event_position, o.sequence, o.status, o.number, o.due_at, o.created_at, o.ended_at,
             case when o.status = 'delivered' then o.ended_at end, o.replay_of, o.replayed_as, o.replays, o.replay_job_id, o.order_key, o.passed, works_week(o.ended_at)
        from over o
  ), held as (
    select h.*, r.error is null as ok, r.unreachable, r.ended_at, coalesce(r.error->>'stage' = 'expired', false) as expired
      from (select t.id, t.organization_id, t.livemode, t.endpoint_id, t.order_key, t.sequence, t.status from tried t
            union all
            select o.id, o.organization_id, o.livemode, o.endpoint_id, o.order_key, o.sequence, o.status from over o) h
      join results r on r.delivery_id = h.id
  ), kept as (
    insert into attempts (id, organization_id, livemode, delivery_id, endpoint_id, number, started_at, status_code, error, duration_ms, timings, address, response_body, response_headers)
      select r.attempt_id, h.organization_id, h.livemode, h.id, h.endpoint_id, r.number, r.started_at, r.status_code, r.error, r.duration_ms, r.timings, r.address, r.response_body, r.response_headers
        from results r join held h on h.id = r.delivery_id
  )
  select count(*), array_agg((h.id, h.endpoint_id, h.order_key, h.sequence, h.status, h.ok, h.unreachable, h.ended_at, h.expired)::works_held) filter (where v_notable)
    into v_recorded, v_held from held h;
  if not v_notable then
    return jsonb_build_object('recorded', v_recorded, 'released', false, 'failing', '[]'::jsonb);
  end if;

  with held as (
    select * from unnest(v_held)
  ), following as (
    select h.id, h.status, (select d.id from deliveries_pending d
                             where d.endpoint_id = h.endpoint_id and d.order_key = h.order_key and d.sequence > h.sequence and d.status || '' = 'pending'
                             order by d.sequence limit 1) as next_id
      from held h where h.order_key is not null and h.status <> 'pending'
  ), released as (
    update deliveries_pending d set due_at = now(), passed = case when f.status = 'dead' then f.id else d.passed end
      from following f where d.id = any (array(select o.next_id from following o)) and d.id = f.next_id
    returning 1
  ), told as (
    select h.*, max(h.ended_at) filter (where h.ok) over (partition by h.endpoint_id) as last_ok,
           max(h.ended_at) filter (where not h.unreachable) over (partition by h.endpoint_id) as last_answer
      -- What has become too old says nothing of its endpoint.
      from held h where not h.expired
  ), judged as (
    select t.endpoint_id, bool_or(t.ok) as ok, min(t.ended_at) filter (where not t.ok and (t.last_ok is null or t.ended_at > t.last_ok)) as failing_from,
           max(t.ended_at) filter (where not t.ok) as failed_at, bool_or(not t.unreachable) as answered,
           count(*) filter (where t.unreachable and (t.last_answer is null or t.ended_at > t.last_answer)) as unreachable
      from told t group by 1
  ), changing as (
    select j.*, case when j.ok then j.failing_from else coalesce(e.failing_since, j.failing_from) end as failing_since,
           least(1000, j.unreachable + case when j.answered then 0 else e.unreachable end)::integer as in_a_row,
           case when j.ok then null else e.breaker_opened_at end as still_open
      from judged j join webhook_endpoints e on e.id = j.endpoint_id
  ), changed as (
    update webhook_endpoints e
       set failing_since = c.failing_since, unreachable = c.in_a_row, breaker_opened_at = case when c.in_a_row >= 5 then coalesce(c.still_open, now()) else c.still_open end
      from changing c
     where e.id = c.endpoint_id
       and (e.failing_since, e.unreachable) is distinct from (c.failing_since, c.in_a_row)
  )
  select jsonb_build_object(
           'recorded', v_recorded,
           'released', (select count(*) from released) > 0,
           'failing', coalesce((select jsonb_agg(c.endpoint_id) from changing c where c.failed_at - c.failing_since >= make_interval(secs => p_patience_seconds)), '[]'))
    into v_answer;
  return v_answer;
end $$;

-- Both in one: the first row is the answer of works_record_attempts, what has been handed over follows.
create function works_record_and_hand_over(p_results jsonb, p_patience_seconds integer, p_endpoints text[], p_places integer[], p_lease_token text, p_lease_seconds integer, p_organization_max integer)
  returns table (answer jsonb, delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean,
                 url text, headers jsonb, secret text, max_in_flight integer, body text, next_attempt_at timestamptz, ordered boolean, passed text)
  language plpgsql as $$
begin
  answer := works_record_attempts(p_results, p_patience_seconds);
  return next;
  return query select null::jsonb, h.* from works_hand_over(p_endpoints, p_places, p_lease_token, p_lease_seconds, p_organization_max) h;
end $$;

create or replace function works_fan_out(p_ids text[], p_organizations text[], p_livemodes boolean[], p_types text[], p_subjects text[], p_projects text[], p_occurred_at timestamptz[], p_bodies_before text[], p_bodies_after text[], p_delivery_seed text, p_lease_token text, p_lease_seconds integer, p_capacity integer, p_organization_max integer)
  returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean, url text, headers jsonb, secret text, max_in_flight integer, body text, next_attempt_at timestamptz, ordered boolean, passed text, waiting boolean)
  language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_first text;
  v_last text;
  v_known text[];
begin
  perform works_lock_tenants(p_organizations, p_livemodes);

  -- Two consumers with the same event have met on its tenant's counter: the second has waited, and now finds it in the log.
  select min(i collate "C"), max(i collate "C") into v_first, v_last from unnest(p_ids) i;
  select array_agg(l.id) into v_known from event_log l where l.id = any (p_ids) and l.id between v_first and v_last;

  return query
    with fresh as (
      select distinct on (g.id) g.*
        from unnest(p_ids, p_organizations, p_livemodes, p_types, p_subjects, p_projects, p_occurred_at, p_bodies_before, p_bodies_after)
             with ordinality as g(id, organization_id, livemode, type, subject, project_id, occurred_at, before, after, ordinal)
       where v_known is null or g.id <> all (v_known) order by g.id, g.ordinal
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
    ), busy as (
      select t.organization_id, t.livemode, d.endpoint_id, count(*) as in_flight
        from (select distinct n.organization_id, n.livemode from numbered n) t
        join deliveries_pending d on d.organization_id || d.livemode::text = t.organization_id || t.livemode::text and d.status = 'pending' and d.lease_token is not null
       group by 1, 2, 3
    ), tenants as (
      select b.organization_id, b.livemode, sum(b.in_flight)::bigint as in_flight from busy b group by 1, 2
    ), matched as (
      select e.id as endpoint_id, l.id as event_id, l.type, l.position, l.organization_id, l.livemode,
             case when e.ordering = 'project' then coalesce(l.project_id, l.subject) end as order_key,
             e.status = 'enabled' and e.breaker_opened_at is null as open, p_organization_max - coalesce(t.in_flight, 0) as organization_left,
             coalesce(b.in_flight, 0) as in_flight, works_places_left(e, coalesce(b.in_flight, 0)) as places_left,
             row_number() over (partition by e.id order by l.position) as place
        from logged l join webhook_endpoints e
          on e.organization_id = l.organization_id and e.livemode = l.livemode and e.deleted_at is null
         and (cardinality(e.events) = 0 or l.type = any(e.events) or split_part(l.type, '.', 1) || '.*' = any(e.events) or '*' = any(e.events))
         and (cardinality(e.projects) = 0 and e.filter = '{}' or works_endpoint_wants(e.projects, e.filter, l.project_id, l.body))
         and (l.type not in ('webhook_endpoint.disabled', 'delivery.dead_lettered') or works_hears_of_failures(e, l.type, l.subject))
        left join busy b on b.endpoint_id = e.id
        left join tenants t on t.organization_id = l.organization_id and t.livemode = l.livemode
    ), lined_up as (
      -- Those of one key end in the order of their sequence, so the last of them tells whether any is left.
      select m.*, m.order_key is not null and (last.status is not distinct from 'pending' or row_number() over (partition by m.endpoint_id, m.order_key order by m.position) > 1) as held,
             case when last.status = 'dead' and row_number() over (partition by m.endpoint_id, m.order_key order by m.position) = 1 then last.id end as passed
        from matched m left join lateral (
          select d.id, d.status from deliveries d where d.endpoint_id = m.endpoint_id and d.order_key = m.order_key order by d.sequence desc limit 1
        ) last on true
    ), behind as (
      -- (One look-up for each endpoint, ordered, so that the index of what waits answers.)
      select o.endpoint_id from (select distinct m.endpoint_id from matched m where m.open and m.places_left > 0) o
       where (select d.due_at <= now() from deliveries_pending d
               where d.endpoint_id = o.endpoint_id and d.status = 'pending' and d.lease_token is null and works_lane(d.replay_job_id, d.attempts_made) = 0
               order by d.due_at, d.sequence limit 1)
    ), asking as (
      select l.*, l.open and not l.held and b.endpoint_id is null and row_number() over (partition by l.endpoint_id, l.held order by l.position) <= l.places_left as asks,
             row_number() over (partition by l.endpoint_id, l.held order by l.position) as turn
        from lined_up l left join behind b on b.endpoint_id = l.endpoint_id
    ), within_organization as (
      select a.*, a.asks and works_leaves_enough(a.in_flight + a.turn, row_number() over (partition by a.organization_id, a.livemode, a.asks order by a.in_flight + a.turn, a.position),
                                              a.organization_left) as gets
        from asking a
    ), leasing as (
      select w.*, w.gets and row_number() over (partition by w.gets order by w.in_flight + w.turn, w.position) <= p_capacity as leased
        from within_organization w
    ), counted as (
      update webhook_endpoints e set last_sequence = e.last_sequence + n.made, paced_since = works_paced(e, n.leased)
        from (select l.endpoint_id, count(*) as made, count(*) filter (where l.leased) as leased from leasing l group by 1) n
       where e.id = n.endpoint_id
      returning e.id, e.last_sequence - n.made as before, e.url, e.headers, e.secret, e.max_in_flight
    ), made as (
      insert into deliveries_pending (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, next_attempt_at, due_at, lease_token, order_key, passed)
        select 'dlv_' || p_delivery_seed || lpad(upper(to_hex(row_number() over (order by l.place, l.position))), 6, '0'),
               l.organization_id, l.livemode, l.endpoint_id, l.event_id, l.type, l.position, c.before + l.place, now(),
               case when l.held then 'infinity' when l.leased then now() + make_interval(secs => p_lease_seconds) else now() end,
               case when l.leased then p_lease_token end, l.order_key, l.passed
          from leasing l join counted c on c.id = l.endpoint_id
      returning *
    )
    select d.id, d.endpoint_id, d.event_id, d.event_type, d.sequence, d.organization_id, d.livemode, c.url, c.headers, c.secret, c.max_in_flight,
           case when d.lease_token is not null then l.body end, d.next_attempt_at, d.order_key is not null, d.passed, d.lease_token is null and d.due_at < 'infinity'
      from made d join counted c on c.id = d.endpoint_id join logged l on l.id = d.event_id
     order by d.sequence;
end $$;

create or replace function works_replay_again(p_job_id text, p_first_ids text[], p_only_dead boolean, p_delivery_seed text)
  returns integer
  language plpgsql set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_kept text[];
  v_made integer;
begin
  perform from deliveries d where d.id = any (p_first_ids) and d.next_attempt_at is null order by d.id for update;
  v_kept := array(select w.id from unnest(p_first_ids) as w(id)
                   where (select (select true from event_log l where l.id = d.event_id) from deliveries d where d.id = w.id));
  with wanted as (
    select w.id, w.n from unnest(p_first_ids) with ordinality as w(id, n)
     where w.id = any (v_kept) and (select d.next_attempt_at is null from deliveries d where d.id = w.id)
       and (select true from deliveries_pending r where r.replay_of = w.id and r.status = 'pending') is null
       and (not p_only_dead
            or (select d.status = 'dead' and d.replayed_as is null from deliveries d where d.id = w.id)
            -- (Said so that deliveries_dead cannot answer, which would name all that is dead.)
            or (select true from deliveries r where r.replay_of = w.id and r.status || '' = 'dead' and coalesce(r.replayed_as, '') = '' limit 1) is not null)
  ), made as (
    insert into deliveries_pending (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, next_attempt_at, due_at,
                            replay_of, replay_job_id)
      select 'dlv_' || p_delivery_seed || lpad(upper(to_hex(w.n)), 6, '0'), d.organization_id, d.livemode, d.endpoint_id, d.event_id, d.event_type,
             d.event_position, d.sequence, now(), now(), d.id, p_job_id
        from wanted w cross join lateral (select f.* from deliveries f where f.id = w.id) d order by w.n
    on conflict (replay_of) where replay_of is not null and status = 'pending' do nothing
    returning id, replay_of
  ), family as (
    select m.replay_of as id, m.id as newest from made m
    union all
    select r.id, m.id from made m cross join lateral (select o.id from deliveries o where o.replay_of = m.replay_of) r
  ), noted as (
    update deliveries d set replayed_as = f.newest, replays = d.replays + 1, updated_at = now()
      from family f where d.id = any (array(select o.id from family o)) and d.id = f.id
    returning 1
  )
  select count(*) into v_made from made;
  return v_made;
end $$;
