-- What an endpoint was sent or will be, by number: a replay repeats the number of the first delivery, so the first ones are each number once.
create index deliveries_in_sequence on deliveries (endpoint_id, sequence) where replay_of is null;

-- The next numbers of an endpoint after one, with the newest delivery of each; one row without a sequence when there are none, and no row at all
-- for an endpoint that is not the caller's. Sequence and rows are of one snapshot, and numbers commit in their order (works_fan_out locks the
-- endpoint), so what is not there yet comes later.
-- The rows are compared as a pair and may not be sorted, so that only the index above can answer.
create function works_endpoint_events(p_endpoint_id text, p_after bigint, p_limit integer)
  returns table (last_sequence text, sequence text, delivery_id text, delivery_status text, body text) language sql stable
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off as $$
  select e.last_sequence::text, n.sequence::text, n.newest,
         case when n.newest = n.id then n.status else (select r.status from deliveries r where r.id = n.newest) end,
         (select l.body from event_log l where l.id = n.event_id)
    from webhook_endpoints e left join lateral (
      select d.id, d.event_id, d.endpoint_id, d.sequence, d.status, coalesce(d.replayed_as, d.id) as newest
        from deliveries d
       where (d.endpoint_id, d.sequence) > (e.id, p_after) and (d.endpoint_id, d.sequence) <= (e.id, e.last_sequence) and d.replay_of is null
       order by d.endpoint_id, d.sequence limit p_limit
    ) n on true
   where e.id = p_endpoint_id and e.deleted_at is null
$$;

-- A replay job. It is a place in a list and how far it got; each step is one statement that makes the next deliveries and moves the place, so
-- there is nothing that a worker could leave half done, and no lease to lose: whoever has the row's lock for that statement makes the step.
-- `place` is the id of the last dead letter it has passed, or the position of the last event. `made_before` bounds what it is about.
create table replay_jobs (
  id              text        primary key,
  organization_id text        not null,
  livemode        boolean     not null,
  kind            text        not null check (kind in ('dead_letters', 'events')),
  endpoint_id     text        references webhook_endpoints (id),
  filter          jsonb       not null,
  rate_per_second integer     not null check (rate_per_second between 1 and 1000),
  status          text        not null default 'running' check (status in ('running', 'paused', 'completed', 'cancelled')),
  place           text        not null,
  through         bigint,
  total           bigint      not null,
  replayed        bigint      not null default 0,
  due_at          timestamptz not null default now(),
  version         integer     not null default 1,
  ended_at        timestamptz,
  created_at      timestamptz not null,
  updated_at      timestamptz not null,
  check ((kind = 'events') = (through is not null)),
  check (kind = 'dead_letters' or endpoint_id is not null),
  check ((status in ('completed', 'cancelled')) = (ended_at is not null))
);
create index replay_jobs_tenant on replay_jobs (organization_id, livemode, id);
create index replay_jobs_under_way on replay_jobs (organization_id, livemode) where status in ('running', 'paused');
create index replay_jobs_due on replay_jobs (due_at) where status = 'running';
select works_protect('replay_jobs');
select works_open_to_worker('replay_jobs');

-- What falls due at one moment, as what was numbered in one transaction does, is taken in the order of its numbers.
-- Deliveries that a job makes wait in a lane of their own, retries of them too: a million of them take no place of a first attempt or a retry.
alter table deliveries add column replay_job_id text;
drop index deliveries_waiting;
create index deliveries_waiting on deliveries
  (endpoint_id, (case when replay_job_id is not null then 2 else (attempts_made > 0)::integer end), due_at, sequence) where status = 'pending';

-- As before, by lanes: 0 first attempts, 1 retries, 2 what jobs replay. Of an endpoint's places a replay can have half.
drop function works_claim_deliveries;
create function works_claim_deliveries(p_lane integer, p_lease_token text, p_lease_seconds integer, p_limit integer, p_free jsonb)
  returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean,
                 url text, headers jsonb, secret text, max_in_flight integer, body text, attempts_made integer) language sql
  set enable_bitmapscan = off set enable_seqscan = off set jit = off as $$
  with places as (
    select e.id, e.url, e.headers, e.secret, e.max_in_flight,
           coalesce((p_free->>e.id)::integer, case when p_lane = 2 then greatest(1, e.max_in_flight / 2) else e.max_in_flight end) as free
      from webhook_endpoints e where e.status = 'enabled' and e.deleted_at is null
  ), turns as (
    select due.id, row_number() over (partition by p.id order by due.due_at, due.sequence) as turn
      from places p cross join lateral (
        select d.id, d.due_at, d.sequence from deliveries d
         where d.endpoint_id = p.id and d.status = 'pending'
           and (case when d.replay_job_id is not null then 2 else (d.attempts_made > 0)::integer end) = p_lane and d.due_at <= now()
         order by d.due_at, d.sequence limit greatest(p.free, 0)
      ) due
     where p.free > 0
  ), chosen as (
    -- Rows that another worker is taking at this moment are left to it; one that it has taken meanwhile is no longer due.
    -- (Said without status and without comparing due_at, and with bitmaps off, so that only the ids can answer: every other index would name all
    -- that waits. What waits is what has a next attempt.)
    select d.id from deliveries d
     where d.id = any (array(select t.id from turns t order by t.turn, t.id limit p_limit)) and d.next_attempt_at is not null and now() - d.due_at >= interval '0'
       for update of d skip locked
  ), taken as (
    update deliveries d set lease_token = p_lease_token, due_at = now() + make_interval(secs => p_lease_seconds)
     where d.id = any (array(select c.id from chosen c)) returning d.*
  )
  select t.id, t.endpoint_id, t.event_id, t.event_type, t.sequence, t.organization_id, t.livemode, p.url, p.headers, p.secret, p.max_in_flight,
         (select l.body from event_log l where l.id = t.event_id), t.attempts_made
    from taken t join places p on p.id = t.endpoint_id
   order by t.sequence
$$;

-- Dead letters of one tenant after an id, in the order of their ids. Compared as a row and never sorted, so that only deliveries_dead can answer.
create function works_dead_after(p_organization_id text, p_livemode boolean, p_after text, p_limit bigint)
  returns table (id text, endpoint_id text, event_type text, attempts_made integer, created_at timestamptz, updated_at timestamptz) language sql stable as $$
  select d.id, d.endpoint_id, d.event_type, d.attempts_made, d.created_at, d.updated_at from deliveries d
   where (d.organization_id, d.livemode, d.id) > (p_organization_id, p_livemode, p_after)
     and (d.organization_id, d.livemode, d.id) < (p_organization_id, p_livemode, 'dlv_8')
     and d.status = 'dead' and d.replayed_as is null
   order by d.organization_id, d.livemode, d.id limit p_limit
$$;

-- The first p_limit that match among the next p_window. Dead before p_before, and made before it too: what a job's own replays come to is none of
-- its business, whatever the clock of the worker that recorded it said.
create function works_dead_letters(p_organization_id text, p_livemode boolean, p_filter jsonb, p_before timestamptz, p_after text, p_window bigint, p_limit bigint)
  returns table (id text) language sql stable
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off as $$
  select w.id from works_dead_after(p_organization_id, p_livemode, p_after, p_window) w
   where w.created_at < p_before and w.updated_at < p_before
     and (p_filter->>'endpoint_id' is null or w.endpoint_id = p_filter->>'endpoint_id')
     and (p_filter->>'event_type' is null or w.event_type = p_filter->>'event_type')
     and (p_filter->>'since' is null or w.updated_at >= (p_filter->>'since')::timestamptz)
     and (p_filter->>'until' is null or w.updated_at < (p_filter->>'until')::timestamptz)
     and (select e.deleted_at is null from webhook_endpoints e where e.id = w.endpoint_id)
     and (p_filter->>'stage' is null
          or (select a.error->>'stage' from attempts a where a.delivery_id = w.id and a.number = w.attempts_made) = p_filter->>'stage')
   limit p_limit
$$;

-- What the endpoint would get of the events at positions from p_from to p_through, as it is now: the first p_limit of them.
create function works_events_for(
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
   order by l.organization_id, l.livemode, l.position limit p_limit
$$;

-- The position from which on the events of a tenant can be as late as p_since: positions have no gaps, so it is found by halving. Events come from
-- several services, whose news can arrive a little out of order; therefore some minutes are left before it, and readers compare the times themselves.
create function works_position_since(p_organization_id text, p_livemode boolean, p_since timestamptz) returns bigint language plpgsql stable
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_low bigint;
  v_high bigint;
  v_middle bigint;
begin
  select min(l.position) into v_low from event_log l where l.organization_id = p_organization_id and l.livemode = p_livemode and l.position > 0;
  select coalesce(max(c.last_position), 0) + 1 into v_high from event_counters c where c.organization_id = p_organization_id and c.livemode = p_livemode;
  v_low := coalesce(v_low, v_high);
  while v_low < v_high loop
    v_middle := (v_low + v_high) / 2;
    if (select l.occurred_at from event_log l where l.organization_id = p_organization_id and l.livemode = p_livemode and l.position = v_middle)
       < p_since - interval '10 minutes' then
      v_low := v_middle + 1;
    else
      v_high := v_middle;
    end if;
  end loop;
  return v_low;
end $$;

-- Guarantees that a tenant has at most ten jobs that are not ended, whoever else starts one at this moment; and that each is asked for once.
create function works_start_replay(
  p_id text, p_organization_id text, p_livemode boolean, p_kind text, p_endpoint_id text, p_filter jsonb, p_rate_per_second integer,
  p_place text, p_through bigint, p_total bigint, p_at timestamptz
) returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('replay_jobs ' || p_organization_id || p_livemode, 0));
  if (select count(*) from replay_jobs j where j.organization_id = p_organization_id and j.livemode = p_livemode and j.status in ('running', 'paused')) >= 10 then
    raise exception 'ten replays are under way' using errcode = 'unique_violation', constraint = 'replay_jobs_room';
  end if;
  insert into replay_jobs (id, organization_id, livemode, kind, endpoint_id, filter, rate_per_second, place, through, total, created_at, updated_at)
    values (p_id, p_organization_id, p_livemode, p_kind, p_endpoint_id, p_filter, p_rate_per_second, p_place, p_through, p_total, p_at, p_at);
end $$;

-- Pauses, resumes or cancels a job as it was when that was decided; the refusal looks like that of a lost race for a stream, and is handled like one.
create function works_change_replay(p_id text, p_version integer, p_status text, p_at timestamptz) returns void language plpgsql as $$
begin
  update replay_jobs
     set status = p_status, version = version + 1, updated_at = p_at, due_at = now(), ended_at = case when p_status = 'cancelled' then p_at end
   where id = p_id and version = p_version;
  if not found then
    raise exception 'the replay has moved since version %', p_version using errcode = 'unique_violation', constraint = 'events_stream_version';
  end if;
end $$;

-- Makes a delivery again for each of these that have ended, in their order, and notes it on all deliveries of the event to the endpoint.
-- The first delivery of an event to an endpoint is where all meet who want to replay it: it is locked before anything is looked at, so that two jobs,
-- or a job and a single replay, never both do. Locked in the order of ids, or two could wait for each other in a circle.
create function works_replay_again(p_job_id text, p_first_ids text[], p_only_dead boolean, p_delivery_seed text) returns integer language plpgsql
  set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_made integer;
begin
  perform from deliveries d where d.id = any (p_first_ids) and d.next_attempt_at is null order by d.id for update;
  with wanted as (
    select w.id, w.n from unnest(p_first_ids) with ordinality as w(id, n)
     where (select d.next_attempt_at is null from deliveries d where d.id = w.id)
       and (select true from deliveries r where r.replay_of = w.id and r.status = 'pending') is null
       and (not p_only_dead
            or (select d.status = 'dead' and d.replayed_as is null from deliveries d where d.id = w.id)
            -- (Said so that deliveries_dead cannot answer, which would name all that is dead.)
            or (select true from deliveries r where r.replay_of = w.id and r.status || '' = 'dead' and coalesce(r.replayed_as, '') = '' limit 1) is not null)
  ), made as (
    insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, next_attempt_at, due_at,
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

-- Events that the endpoint has never had are made deliveries of it, under its next numbers; the others are delivered again under theirs.
-- Under the endpoint's lock, as in works_fan_out: no number is given twice or passed over, and no first delivery appears meanwhile.
create function works_replay_events(p_job_id text, p_endpoint_id text, p_event_ids text[], p_delivery_seed text) returns integer language plpgsql
  set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_first_ids text[];
  v_fresh text[];
begin
  perform from webhook_endpoints e where e.id = p_endpoint_id for update;
  -- (The endpoint is said so that only deliveries_once can answer, by the event: other indexes would name all that the endpoint ever had.)
  select array_agg(f.first_id order by f.n) filter (where f.first_id is not null), array_agg(f.id order by f.n) filter (where f.first_id is null)
    into v_first_ids, v_fresh
    from (select g.id, g.n, (select d.id from deliveries d where d.event_id = g.id and d.endpoint_id || '' = p_endpoint_id and d.replay_of is null) as first_id
            from unnest(p_event_ids) with ordinality as g(id, n)) f;
  insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, next_attempt_at, due_at, replay_job_id)
    select 'dlv_' || p_delivery_seed || lpad(upper(to_hex(cardinality(p_event_ids) + g.n)), 6, '0'), l.organization_id, l.livemode, e.id, l.id, l.type, l.position,
           e.last_sequence + g.n, now(), now(), p_job_id
      from unnest(v_fresh) with ordinality as g(id, n)
      cross join lateral (select o.* from event_log o where o.id = g.id) l
      cross join lateral (select o.* from webhook_endpoints o where o.id = p_endpoint_id) e;
  update webhook_endpoints set last_sequence = last_sequence + coalesce(cardinality(v_fresh), 0) where id = p_endpoint_id and v_fresh is not null;
  return coalesce(cardinality(v_fresh), 0)
       + case when v_first_ids is null then 0 else works_replay_again(p_job_id, v_first_ids, false, p_delivery_seed) end;
end $$;

-- One step of a job, or nothing when another worker is making it, or when it is not due: as many deliveries as its rate allows in a twentieth of a
-- second (their endpoint is locked against fan-outs for as long as the step takes), of what is at the next 5,000 places. A job that was held up
-- makes good at most a second of it.
create function works_replay_step(p_id text, p_delivery_seed text) returns table (made integer, status text) language plpgsql
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  WINDOW_SIZE constant bigint := 5000;
  v_job replay_jobs;
  v_most integer;
  v_ids text[];
  v_place text;
  v_made integer := 0;
  v_status text := 'running';
begin
  select * into v_job from replay_jobs j where j.id = p_id and j.status = 'running' and j.due_at <= now() for update skip locked;
  if not found then return; end if;
  v_most := ceil(v_job.rate_per_second / 20.0);

  if v_job.kind = 'dead_letters' then
    select array_agg(d.id order by d.id) into v_ids
      from works_dead_letters(v_job.organization_id, v_job.livemode, v_job.filter, v_job.created_at, v_job.place, WINDOW_SIZE, v_most) d;
    if cardinality(v_ids) = v_most then
      v_place := v_ids[v_most];
    else
      select max(w.id), case when count(*) < WINDOW_SIZE then 'completed' else 'running' end into v_place, v_status
        from works_dead_after(v_job.organization_id, v_job.livemode, v_job.place, WINDOW_SIZE) w;
    end if;
    if v_ids is not null then
      v_made := works_replay_again(v_job.id, array(select (select coalesce(d.replay_of, d.id) from deliveries d where d.id = w.id)
                                                     from unnest(v_ids) with ordinality as w(id, n) order by w.n), true, p_delivery_seed);
    end if;
  elsif (select e.deleted_at is not null from webhook_endpoints e where e.id = v_job.endpoint_id) then
    v_status := 'cancelled';
  else
    select array_agg(e.id order by e.position), max(e.position)::text into v_ids, v_place
      from works_events_for(v_job.organization_id, v_job.livemode, v_job.endpoint_id, (v_job.filter->>'since')::timestamptz, v_job.place::bigint + 1,
                            least(v_job.place::bigint + WINDOW_SIZE, v_job.through), v_most) e;
    if v_ids is null or cardinality(v_ids) < v_most then
      v_place := least(v_job.place::bigint + WINDOW_SIZE, v_job.through);
    end if;
    if v_place::bigint >= v_job.through then v_status := 'completed'; end if;
    if v_ids is not null then
      v_made := works_replay_events(v_job.id, v_job.endpoint_id, v_ids, p_delivery_seed);
    end if;
  end if;

  update replay_jobs j
     set place = coalesce(v_place, j.place), replayed = j.replayed + v_made, total = greatest(j.total, j.replayed + v_made), status = v_status,
         ended_at = case when v_status <> 'running' then now() end, updated_at = now(), version = j.version + 1,
         due_at = greatest(j.due_at, now() - interval '1 second') + make_interval(secs => v_made::double precision / j.rate_per_second)
   where j.id = v_job.id;
  return query select v_made, v_status;
end $$;
