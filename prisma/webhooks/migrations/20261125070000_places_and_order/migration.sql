-- Who gets a place, and when: places of an endpoint and of an organization count over all workers, since leases are what is counted.
-- `unreachable` counts attempts in a row that ended without an answer; past five the breaker opens. `paced_since` is the moment at which a
-- rate-limited endpoint had nothing left of its rate. `failing_since` is the first failure after the last success.
alter table webhook_endpoints
  add column ordering              text        not null default 'none' check (ordering in ('none', 'project')),
  add column rate_limit_per_second integer     check (rate_limit_per_second between 1 and 1000),
  add column paced_since           timestamptz not null default to_timestamp(0),
  add column failing_since         timestamptz,
  add column unreachable           integer     not null default 0,
  add column breaker_opened_at     timestamptz;

-- `order_key` is set where order was asked for: what has the same one leaves one at a time, in sequence. Those behind the first are due at the
-- end of time, so that no claim sees them; the end of the first makes the next one due. `passed` is the dead letter that it did not wait for.
alter table deliveries add column order_key text, add column passed text;
create index deliveries_in_line on deliveries (endpoint_id, order_key, sequence) where order_key is not null;

-- What waits and what is leased are kept apart. Each index can answer one kind of question and no other, whatever the statistics say: the
-- conditions are worded apart, and the tenant of a lease is looked up by an expression. (What is pending has a next attempt, and nothing else has.)
drop index deliveries_waiting, deliveries_next;
-- 0 first attempts, 1 retries, 2 what jobs replay.
create function works_lane(p_replay_job_id text, p_attempts_made integer) returns integer language sql immutable as $$
  select case when p_replay_job_id is not null then 2 else (p_attempts_made > 0)::integer end
$$;
create index deliveries_waiting on deliveries (endpoint_id, works_lane(replay_job_id, attempts_made), due_at, sequence) where status = 'pending' and lease_token is null;
create index deliveries_leased on deliveries ((organization_id || livemode::text), endpoint_id) where status = 'pending' and lease_token is not null;
create index deliveries_next on deliveries (due_at) where next_attempt_at is not null and lease_token is null;
create index deliveries_lease_ends on deliveries (due_at) where next_attempt_at is not null and lease_token is not null;
create index deliveries_unfinished on deliveries (endpoint_id, created_at) where next_attempt_at is not null;
create index deliveries_dead_of_endpoint on deliveries (endpoint_id) where status = 'dead' and replayed_as is null;

-- What is left of an endpoint's rate: it fills evenly, and holds at most a tenth of a second's worth.
create function works_rate_left(p_endpoint webhook_endpoints) returns integer language sql stable as $$
  select case when p_endpoint.rate_limit_per_second is null then 1000000 else
    floor(least(greatest(1, p_endpoint.rate_limit_per_second / 10), extract(epoch from now() - p_endpoint.paced_since) * p_endpoint.rate_limit_per_second))::integer end
$$;
create function works_paced(p_endpoint webhook_endpoints, p_taken bigint) returns timestamptz language sql stable as $$
  select case when p_endpoint.rate_limit_per_second is null or p_taken = 0 then p_endpoint.paced_since else
    greatest(p_endpoint.paced_since, now() - make_interval(secs => greatest(1, p_endpoint.rate_limit_per_second / 10)::float / p_endpoint.rate_limit_per_second))
      + make_interval(secs => p_taken::float / p_endpoint.rate_limit_per_second) end
$$;

-- How many more may be under way to an endpoint: within its own places, one while its breaker is open, and within its rate.
create function works_places_left(p_endpoint webhook_endpoints, p_in_flight bigint) returns integer language sql stable as $$
  select greatest(0, least(case when p_endpoint.breaker_opened_at is null then p_endpoint.max_in_flight else 1 end - p_in_flight, works_rate_left(p_endpoint)))::integer
$$;

-- Whether the p_place-th of the places that an organization has left may be an endpoint's p_nth: never more than twice what is left beside it. However many
-- endpoints of an organization hang, something is left for the one that does not (a dynamic threshold, as in shared switch buffers: Choudhury and Hahne, 1998).
create function works_leaves_enough(p_nth bigint, p_place bigint, p_organization_left bigint) returns boolean language sql immutable as $$
  select p_place <= p_organization_left and p_nth <= 2 * (p_organization_left - p_place + 1)
$$;

-- News of failures goes to endpoints that name it, and never to the one that fails: its failures would make more news of the kind.
create function works_hears_of_failures(p_endpoint webhook_endpoints, p_type text, p_subject text) returns boolean language sql stable as $$
  select (p_type = any(p_endpoint.events) or split_part(p_type, '.', 1) || '.*' = any(p_endpoint.events))
     and p_endpoint.id is distinct from case p_type when 'webhook_endpoint.disabled' then p_subject else (select d.endpoint_id from deliveries d where d.id = p_subject) end
$$;

-- What an endpoint would get of earlier events: as before, by everything that it asks for.
create or replace function works_events_for(
  p_organization_id text, p_livemode boolean, p_endpoint_id text, p_since timestamptz, p_from bigint, p_through bigint, p_limit bigint
) returns table (id text, "position" bigint) language sql stable
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off as $$
  select l.id, l.position
    from event_log l cross join webhook_endpoints e
   where e.id = p_endpoint_id
     and (l.organization_id, l.livemode, l.position) >= (p_organization_id, p_livemode, p_from)
     and (l.organization_id, l.livemode, l.position) <= (p_organization_id, p_livemode, p_through)
     and (p_since is null or l.occurred_at >= p_since)
     and (cardinality(e.events) = 0 or l.type = any(e.events) or split_part(l.type, '.', 1) || '.*' = any(e.events) or '*' = any(e.events))
     and (cardinality(e.projects) = 0 and e.filter = '{}' or works_endpoint_wants(e.projects, e.filter, l.project_id, l.body))
     and (l.type not in ('webhook_endpoint.disabled', 'delivery.dead_lettered') or works_hears_of_failures(e, l.type, l.subject))
   order by l.organization_id, l.livemode, l.position limit p_limit
$$;

-- Whoever leases or numbers for tenants has their counters to himself, and then all their endpoints: everybody in one order, or two could wait
-- for each other in a circle. What is read in the statement after this is what the one before has committed.
create function works_lock_counters(p_organizations text[], p_livemodes boolean[]) returns void language plpgsql set enable_seqscan = off as $$
begin
  insert into event_counters as c (organization_id, livemode, last_position)
    select distinct g.organization_id, g.livemode, 0 from unnest(p_organizations, p_livemodes) as g(organization_id, livemode) order by 1, 2
  on conflict do nothing;
  perform from event_counters c
    where (c.organization_id, c.livemode) in (select g.organization_id, g.livemode from unnest(p_organizations, p_livemodes) as g(organization_id, livemode))
    order by c.organization_id, c.livemode for update;
end $$;

create function works_lock_tenants(p_organizations text[], p_livemodes boolean[]) returns void language plpgsql set enable_seqscan = off as $$
begin
  perform works_lock_counters(p_organizations, p_livemodes);
  perform from webhook_endpoints e
    where e.deleted_at is null
      and (e.organization_id, e.livemode) in (select g.organization_id, g.livemode from unnest(p_organizations, p_livemodes) as g(organization_id, livemode))
    order by e.id for update;
end $$;

-- Guarantees that an event is numbered, kept, and made a delivery for each matching endpoint exactly once, however often and from however
-- many consumers it arrives; all of a batch commits together. Deliveries for which there are places come back leased under p_lease_token.
-- An event's bytes come in two halves: its position goes between them.
drop function works_fan_out;
create function works_fan_out(
  p_ids text[], p_organizations text[], p_livemodes boolean[], p_types text[], p_subjects text[], p_projects text[],
  p_occurred_at timestamptz[], p_bodies_before text[], p_bodies_after text[], p_delivery_seed text, p_lease_token text, p_lease_seconds integer,
  p_capacity integer, p_organization_max integer
) returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean,
                 url text, headers jsonb, secret text, max_in_flight integer, body text, next_attempt_at timestamptz, ordered boolean, passed text, waiting boolean)
  language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
#variable_conflict use_column
begin
  perform works_lock_tenants(p_organizations, p_livemodes);

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
    ), busy as (
      select t.organization_id, t.livemode, d.endpoint_id, count(*) as in_flight
        from (select distinct n.organization_id, n.livemode from numbered n) t
        join deliveries d on d.organization_id || d.livemode::text = t.organization_id || t.livemode::text and d.status = 'pending' and d.lease_token is not null
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
    ), asking as (
      select l.*, l.open and not l.held and row_number() over (partition by l.endpoint_id, l.held order by l.position) <= l.places_left as asks,
             row_number() over (partition by l.endpoint_id, l.held order by l.position) as turn
        from lined_up l
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
      insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, next_attempt_at, due_at, lease_token, order_key, passed)
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

-- Takes due deliveries for one worker: so many first attempts, retries and replays at most, and of replays half of an endpoint's places; in turns over organizations, and within each over
-- endpoints, those with the least under way first; of one endpoint whatever came due first. The lease ends by the clock. A last row without a
-- delivery says whether more is `waiting` than there were places for, and in how many milliseconds the next one is due or let go by a rate. Both are said
-- of the same moment as the claim: what came due between the two would be seen by neither.
-- What it reads does not grow with what waits: it steps from endpoint to endpoint through the index, and then reads as many rows as it may take.
drop function works_claim_deliveries;
create function works_claim_deliveries(p_lease_token text, p_lease_seconds integer, p_first integer, p_retries integer, p_replays integer, p_organization_max integer)
  returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean,
                 url text, headers jsonb, secret text, max_in_flight integer, body text, next_attempt_at timestamptz, ordered boolean, passed text, attempts_made integer, lane integer, waiting boolean, next_in_ms double precision)
  language plpgsql set plan_cache_mode = force_generic_plan set enable_bitmapscan = off set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
  v_endpoints text[];
  v_organizations text[];
  v_livemodes boolean[];
  v_passed_over boolean;
  v_paced_until timestamptz;
  v_share integer;
begin
  -- One step for each endpoint and lane with something waiting: its first row says when the earliest is due.
  with recursive lines as (
    (select d.endpoint_id, works_lane(d.replay_job_id, d.attempts_made) as lane, d.due_at from deliveries d where d.status = 'pending' and d.lease_token is null
      order by d.endpoint_id, works_lane(d.replay_job_id, d.attempts_made), d.due_at limit 1)
    union all
    select n.* from lines l cross join lateral (
      select d.endpoint_id, works_lane(d.replay_job_id, d.attempts_made) as lane, d.due_at from deliveries d
       where d.status = 'pending' and d.lease_token is null and (d.endpoint_id, works_lane(d.replay_job_id, d.attempts_made)) > (l.endpoint_id, l.lane)
       order by d.endpoint_id, works_lane(d.replay_job_id, d.attempts_made), d.due_at limit 1
    ) n
  ), due_lines as materialized (
    select distinct l.endpoint_id from lines l
     where l.due_at <= now() and case l.lane when 0 then p_first when 1 then p_retries else p_replays end > 0
  ), due as materialized (
    select e.id, e.organization_id, e.livemode,
           (select count(*) from deliveries f
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

    return query
      with busy as (
        select t.organization_id, t.livemode, d.endpoint_id, count(*) as in_flight, count(d.replay_job_id) as replays
          from (select distinct g.organization_id, g.livemode from unnest(v_organizations, v_livemodes) as g(organization_id, livemode)) t
          join deliveries d on d.organization_id || d.livemode::text = t.organization_id || t.livemode::text and d.status = 'pending' and d.lease_token is not null
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
            (select d.id, 0 as lane, d.due_at, d.sequence from deliveries d
              where d.endpoint_id = p.id and d.status = 'pending' and d.lease_token is null and works_lane(d.replay_job_id, d.attempts_made) = 0 and d.due_at <= now()
              order by d.due_at, d.sequence limit least(p.places_left, p_first, v_share))
            union all
            (select d.id, 1, d.due_at, d.sequence from deliveries d
              where d.endpoint_id = p.id and d.status = 'pending' and d.lease_token is null and works_lane(d.replay_job_id, d.attempts_made) = 1 and d.due_at <= now()
              order by d.due_at, d.sequence limit least(p.places_left, p_retries, v_share))
            union all
            (select d.id, 2, d.due_at, d.sequence from deliveries d
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
        select d.id from deliveries d
         where d.id = any (array(select w.id from within_lane w where w.place <= case w.lane when 0 then p_first when 1 then p_retries else p_replays end))
           and d.status || '' = 'pending' and coalesce(d.lease_token, '') = '' and now() - d.due_at >= interval '0'
           for update of d skip locked
      ), taken as (
        update deliveries d set lease_token = p_lease_token, due_at = now() + make_interval(secs => p_lease_seconds)
         where d.id = any (array(select c.id from chosen c)) returning d.*
      ), paced as (
        update webhook_endpoints e set paced_since = works_paced(e, n.taken)
          from (select t.endpoint_id, count(*) as taken from taken t group by 1) n
         where e.id = n.endpoint_id and e.rate_limit_per_second is not null
      )
      select t.id, t.endpoint_id, t.event_id, t.event_type, t.sequence, t.organization_id, t.livemode, e.url, e.headers, e.secret, e.max_in_flight,
             (select l.body from event_log l where l.id = t.event_id), t.next_attempt_at, t.order_key is not null, t.passed, t.attempts_made, works_lane(t.replay_job_id, t.attempts_made), false, null::double precision
        from taken t join webhook_endpoints e on e.id = t.endpoint_id
       order by t.sequence;
  end if;

  delivery_id := null;
  waiting := v_passed_over;
  next_in_ms := extract(epoch from least(v_paced_until, (
    select d.due_at from deliveries d
     where d.next_attempt_at is not null and d.lease_token is null and d.due_at > now() and d.due_at < 'infinity' order by d.due_at limit 1)) - clock_timestamp()) * 1000;
  return next;
end $$;

-- What was leased by a worker that did not come back in time is due again. Rows that somebody has in hand are left to him.
create function works_end_leases() returns integer language sql set enable_bitmapscan = off set enable_seqscan = off as $$
  with over as (
    select d.id from deliveries d where d.next_attempt_at is not null and d.lease_token is not null and d.due_at <= now() order by d.due_at limit 500 for update skip locked
  ), ended as (
    update deliveries d set lease_token = null where d.id = any (array(select o.id from over o)) returning 1
  )
  select count(*)::integer from ended
$$;

-- Records what came of attempts, many at once. A result whose lease was lost changes nothing: somebody else has the delivery by now.
-- With a result go what it tells of its endpoint, and the turn of whatever waited in line behind it.
-- Answers { recorded, released: whether something waits for a claim now, failing: endpoints that have only failed for as long as p_patience_seconds }.
drop function works_record_attempts;
create function works_record_attempts(p_results jsonb, p_patience_seconds integer) returns jsonb language plpgsql
  set plan_cache_mode = force_generic_plan set enable_bitmapscan = off set enable_seqscan = off as $$
declare
  v_answer jsonb;
begin
  -- Endpoints before deliveries, as everybody. A healthy endpoint that answered has nothing to note and is not locked. Who lets the next in line
  -- go must not miss one that is being lined up at this moment: that happens under the same lock.
  perform from webhook_endpoints e
    where e.id = any (array(select r.endpoint_id from jsonb_to_recordset(p_results) as r(endpoint_id text)))
      and (e.failing_since is not null or e.id = any (array(select r.endpoint_id from jsonb_to_recordset(p_results) as r(endpoint_id text, failed boolean, ordered boolean)
                                                             where r.failed or r.ordered)))
    order by e.id for no key update;

  with results as (
    select * from jsonb_to_recordset(p_results) as r(
      attempt_id text, delivery_id text, lease_token text, number integer, started_at timestamptz, status_code integer, error jsonb, duration_ms double precision,
      timings jsonb, address text, response_body text, response_headers jsonb, status text, next_attempt_at timestamptz, ended_at timestamptz, unreachable boolean)
  ), held as (
    update deliveries d
       set status = r.status, attempts_made = r.number, lease_token = null, updated_at = r.ended_at,
           next_attempt_at = r.next_attempt_at, due_at = coalesce(r.next_attempt_at, d.due_at),
           delivered_at = case when r.status = 'delivered' then r.ended_at end
      from results r
     -- Only what is pending has a lease. The ids say where to look, as above.
     where d.id = any (array(select o.delivery_id from results o)) and d.id = r.delivery_id and d.lease_token = r.lease_token
    returning d.id, d.organization_id, d.livemode, d.endpoint_id, d.order_key, d.sequence, d.status, r.error is null as ok, r.unreachable, r.ended_at
  ), kept as (
    insert into attempts (id, organization_id, livemode, delivery_id, endpoint_id, number, started_at, status_code, error, duration_ms, timings, address, response_body, response_headers)
      select r.attempt_id, h.organization_id, h.livemode, h.id, h.endpoint_id, r.number, r.started_at, r.status_code, r.error, r.duration_ms, r.timings, r.address, r.response_body, r.response_headers
        from results r join held h on h.id = r.delivery_id
    returning 1
  ), following as (
    select h.id, h.status, (select d.id from deliveries d
                             where d.endpoint_id = h.endpoint_id and d.order_key = h.order_key and d.sequence > h.sequence and d.status || '' = 'pending'
                             order by d.sequence limit 1) as next_id
      from held h where h.order_key is not null and h.status <> 'pending'
  ), released as (
    update deliveries d set due_at = now(), passed = case when f.status = 'dead' then f.id else d.passed end
      from following f where d.id = any (array(select o.next_id from following o)) and d.id = f.next_id
    returning 1
  ), told as (
    select h.*, max(h.ended_at) filter (where h.ok) over (partition by h.endpoint_id) as last_ok,
           max(h.ended_at) filter (where not h.unreachable) over (partition by h.endpoint_id) as last_answer
      from held h
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
           'recorded', (select count(*) from kept),
           'released', (select count(*) from released) > 0,
           'failing', coalesce((select jsonb_agg(c.endpoint_id) from changing c where c.failed_at - c.failing_since >= make_interval(secs => p_patience_seconds)), '[]'))
    into v_answer;
  return v_answer;
end $$;
