-- What has become old leaves by the week, as one dropped partition, and never row by row (ADR 13). Events by the time that their ids begin with,
-- attempts by their start, deliveries by the week in which they ended. What is pending has no week: it is in a partition of its own, with
-- everything by which it is claimed, so that a claim knows no history, and so that what leaves cannot be pending.

-- Who drops partitions owns them, and row-level security is forced on owners too. No service ever connects as the owner.
create function works_open_to_housekeeping(p_table text) returns void language plpgsql as $$
begin
  execute format('create policy housekeeping on %I to %I using (true) with check (true)', p_table, current_user);
end $$;
select works_open_to_housekeeping('webhook_endpoints'), works_open_to_housekeeping('event_counters'), works_open_to_housekeeping('replay_jobs'),
       works_open_to_housekeeping('reconciled_sequences'), works_open_to_housekeeping('deliveries'), works_open_to_housekeeping('attempts'),
       works_open_to_housekeeping('event_log');

-- The Monday of a moment, and the first id of an event that can have been made on a day.
create function works_week(p_at timestamptz) returns date language sql immutable as $$
  select date_trunc('week', p_at at time zone 'UTC')::date
$$;
create function works_first_event_id(p_day date) returns text language sql immutable as $$
  select 'evt_' || string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (((extract(epoch from p_day)::bigint * 1000) >> (5 * n)) & 31)::integer, 1), '' order by n desc)
    from generate_series(0, 9) as n
$$;

-- Up to which position a tenant's events have left.
alter table event_counters add column left_through bigint not null default 0;

alter table attempts drop constraint attempts_delivery_id_fkey;
alter table deliveries rename to deliveries_pending;
alter table deliveries_pending add column week date;
update deliveries_pending set week = works_week(updated_at) where status <> 'pending';
alter table deliveries_pending add constraint deliveries_week check ((status = 'pending') = (week is null));

create table deliveries (like deliveries_pending including defaults including constraints, foreign key (endpoint_id) references webhook_endpoints (id)) partition by list (week);
create index deliveries_all_of_endpoint on deliveries (organization_id, livemode, endpoint_id, id);
create index deliveries_all_replays on deliveries (replay_of) where replay_of is not null;
create index deliveries_all_dead on deliveries (organization_id, livemode, id) where status = 'dead' and replayed_as is null;
create index deliveries_all_in_sequence on deliveries (endpoint_id, sequence) where replay_of is null;
create index deliveries_all_in_line on deliveries (endpoint_id, order_key, sequence) where order_key is not null;
create index deliveries_all_dead_of_endpoint on deliveries (endpoint_id) where status = 'dead' and replayed_as is null;
select works_protect('deliveries'), works_open_to_worker('deliveries'), works_open_to_housekeeping('deliveries');

alter table attempts rename to attempts_before;
create table attempts (like attempts_before including defaults including constraints) partition by range (started_at);
create index attempts_all_of_endpoint on attempts (endpoint_id, started_at);
select works_protect('attempts'), works_open_to_worker('attempts'), works_open_to_housekeeping('attempts');

alter table event_log rename to event_log_before;
alter table event_log_before alter column id type text collate "C";
create table event_log (like event_log_before including defaults including constraints) partition by range (id);
create index event_log_all_subject on event_log (organization_id, livemode, subject, position);
create index event_log_all_project on event_log (organization_id, livemode, project_id, position) where project_id is not null;
create index event_log_all_type on event_log (organization_id, livemode, type, position);
select works_protect('event_log'), works_open_to_worker('event_log'), works_open_to_housekeeping('event_log');

-- Makes one partition, with what its parent cannot hold for it: keys that do not name what it is parted by. Rows that came before it was there wait
-- in the default partition and move in. It is as closed as its parent to whoever names it himself.
create function works_make_partition(p_parent text, p_name text, p_bounds text, p_rows text) returns void language plpgsql as $$
begin
  execute format('create table %I (like %I including defaults including constraints)', p_name, p_parent);
  perform works_protect(p_name), works_open_to_worker(p_name), works_open_to_housekeeping(p_name);
  case p_parent
    when 'deliveries' then
      execute format('alter table %1$I add primary key (id); create unique index on %1$I (event_id, endpoint_id) where replay_of is null', p_name);
    when 'attempts' then
      execute format('alter table %1$I add primary key (id), add unique (delivery_id, number)', p_name);
    when 'event_log' then
      execute format('alter table %1$I add primary key (organization_id, livemode, position), add unique (id)', p_name);
  end case;
  if p_rows is not null then
    execute format('lock table %1$I in access exclusive mode; with moved as (delete from %1$I where %2$s returning *) insert into %3$I select * from moved',
                   p_parent || '_default', p_rows, p_name);
  end if;
  execute format('alter table %I attach partition %I %s', p_parent, p_name, p_bounds);
end $$;

select works_make_partition('deliveries', 'deliveries_default', 'default', null), works_make_partition('attempts', 'attempts_default', 'default', null),
       works_make_partition('event_log', 'event_log_default', 'default', null);

-- Makes the partitions of a week that are not there: those that p_always asks for, and those for which rows wait.
create function works_make_week(p_week date, p_always boolean) returns integer language plpgsql as $$
declare
  v record;
  v_waiting boolean;
  v_made integer := 0;
begin
  for v in
    select p.parent, p.parent || '_w' || to_char(p_week, 'YYYYMMDD') as name, p.bounds, p.rows
      from (values
        ('deliveries', format('for values in (%L)', p_week), format('week = %L', p_week)),
        ('attempts', format('for values from (%L) to (%L)', p_week || ' 00:00+00', p_week + 7 || ' 00:00+00'),
                     format('started_at >= %L and started_at < %L', p_week || ' 00:00+00', p_week + 7 || ' 00:00+00')),
        ('event_log', format('for values from (%L) to (%L)', works_first_event_id(p_week), works_first_event_id(p_week + 7)),
                      format('id >= %L and id < %L', works_first_event_id(p_week), works_first_event_id(p_week + 7)))
      ) as p(parent, bounds, rows)
  loop
    continue when to_regclass(v.name) is not null;
    execute format('select exists (select from %I where %s)', v.parent || '_default', v.rows) into v_waiting;
    if p_always or v_waiting then
      perform works_make_partition(v.parent, v.name, v.bounds, v.rows);
      v_made := v_made + 1;
    end if;
  end loop;
  return v_made;
end $$;

-- What is there already is carried over, each row into its week.
insert into attempts select * from attempts_before;
insert into event_log select * from event_log_before;
insert into deliveries_default select * from deliveries_pending where status <> 'pending';
drop table attempts_before, event_log_before;
delete from deliveries_pending where status <> 'pending';
alter table deliveries attach partition deliveries_pending for values in (null);
select works_make_week(w::date, false)
  from (select least((select min(week) from deliveries_default), works_week((select min(started_at) from attempts_default)), works_week((select min(occurred_at) from event_log_default)) - 70,
                     works_week(now())) as first) f
  cross join generate_series(f.first, works_week(now()), interval '7 days') as w;

-- Makes partitions ahead: of last week, of this one and of the next two; and of every week of the last quarter whose rows had to wait for one.
-- Runs as the owner: services may not make or drop tables.
create function works_make_partitions(p_today date) returns integer language sql security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
  select coalesce(sum(works_make_week(w::date, w >= works_week(p_today) - 7)), 0)::integer
    from generate_series(works_week(p_today) - 91, works_week(p_today) + 14, interval '7 days') as w
$$;
select works_make_partitions(now()::date);

-- Drops the partitions of weeks that ended before p_kept_from (events: before p_events_kept_from, if that is earlier), whatever is said never one that
-- began less than a week ago. One at a time, each only
-- while nobody uses its table (lock_timeout): what is not dropped now is dropped by the next look.
--   deliveries  pending ones have no week, and are never here
--   attempts    a day longer than deliveries, so that no delivery is without its last; and while a delivery that is pending may have been tried in that week
--   event_log   while something pending, or a replay that is running, needs a body of that week
create function works_drop_old_partitions(p_kept_from date, p_events_kept_from date) returns table (parent text, week date, row_count bigint) language plpgsql
  security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
#variable_conflict use_column
declare
  v record;
  v_kept_from date := least(p_kept_from, current_date - 1);
  v_events_kept_from date := least(p_events_kept_from, v_kept_from);
  v_needed boolean;
begin
  for v in
    select p.relname::text as parent, c.relname::text as name, to_date(right(c.relname, 8), 'YYYYMMDD') as week, greatest(c.reltuples, 0)::bigint as row_count
      from pg_inherits i join pg_class p on p.oid = i.inhparent join pg_class c on c.oid = i.inhrelid
     where p.relnamespace = 'public'::regnamespace and p.relname in ('deliveries', 'attempts', 'event_log') and c.relname ~ '_w[0-9]{8}$'
     order by 3, 1 desc
  loop
    continue when v.week + 7 + (v.parent = 'attempts')::integer > case v.parent when 'event_log' then v_events_kept_from else v_kept_from end;
    -- Waits for whoever uses the table, and lets nobody in until this commits: what is found not to be needed cannot become needed.
    execute format('lock table %I in access exclusive mode', v.parent);
    case v.parent
      when 'deliveries' then
        v_needed := false;
        execute format('insert into reconciled_sequences as r (endpoint_id, organization_id, livemode, sequence)
                          select d.endpoint_id, d.organization_id, d.livemode, max(d.sequence) from %I d where d.replay_of is null and d.sequence > 0 group by 1, 2, 3
                        on conflict (endpoint_id) do update set sequence = greatest(r.sequence, excluded.sequence)', v.name);
      when 'attempts' then
        v_needed := exists (select from deliveries_pending d where d.attempts_made > 0 and d.created_at < (v.week + 7)::timestamp at time zone 'UTC');
      when 'event_log' then
        v_needed := exists (select from deliveries_pending d where d.event_id collate "C" >= works_first_event_id(v.week) and d.event_id collate "C" < works_first_event_id(v.week + 7));
        if not v_needed then
          execute format('select exists (select from replay_jobs j join %I l on l.organization_id = j.organization_id and l.livemode = j.livemode and l.position > j.place::bigint and l.position <= j.through
                                          where j.kind = %L and j.status = %L)', v.name, 'events', 'running') into v_needed;
        end if;
        if not v_needed then
          execute format('update event_counters c set left_through = greatest(c.left_through, g.through)
                            from (select l.organization_id, l.livemode, max(l.position) as through from %I l where l.position > 0 group by 1, 2) g
                           where c.organization_id = g.organization_id and c.livemode = g.livemode', v.name);
        end if;
    end case;
    if not v_needed then
      execute format('drop table %I', v.name);
      return query select v.parent, v.week, v.row_count;
    end if;
  end loop;
end $$;

revoke execute on function works_make_partitions(date), works_drop_old_partitions(date, date), works_make_week(date, boolean), works_make_partition(text, text, text, text), works_open_to_housekeeping(text) from public;
grant execute on function works_make_partitions(date), works_drop_old_partitions(date, date) to works_worker;

-- Everything that is about what waits or is leased looks at the partition of that alone.
do $$
declare
  v regprocedure;
begin
  foreach v in array array['works_claim_deliveries(text, integer, integer, integer, integer, integer)', 'works_end_leases()', 'works_absent_workers()', 'works_end_leases_of(text[])']::regprocedure[] loop
    execute regexp_replace(pg_get_functiondef(v), '\m(from|join|update) deliveries\M', '\1 deliveries_pending', 'g');
  end loop;
  -- What is made is pending; what is ahead in a line may have ended.
  select oid::regprocedure into strict v from pg_proc where proname = 'works_fan_out';
  execute regexp_replace(replace(pg_get_functiondef(v), 'insert into deliveries (', 'insert into deliveries_pending ('), 'join deliveries d on d.organization_id', 'join deliveries_pending d on d.organization_id', 'g');
  foreach v in array array['works_replay_events(text, text, text[], text)', 'works_reconcile_sequences(integer, text)']::regprocedure[] loop
    execute replace(pg_get_functiondef(v), 'insert into deliveries (', 'insert into deliveries_pending (');
  end loop;
  -- What has left cannot be sent again.
  v := 'works_replay_again(text, text[], boolean, text)'::regprocedure;
  execute replace(replace(pg_get_functiondef(v), 'insert into deliveries (', 'insert into deliveries_pending ('),
    'and (select true from deliveries r where r.replay_of = w.id and r.status = ''pending'') is null',
    'and (select true from deliveries_pending r where r.replay_of = w.id and r.status = ''pending'') is null
       and (select (select true from event_log l where l.id = d.event_id) from deliveries d where d.id = w.id)');
end $$;

-- What ends leaves the pending ones for its week: taken out and put in, so that whoever waited for the row finds it gone, and is not refused as one
-- that follows a moving row is. What somebody else has ended meanwhile is his.
create function works_end_deliveries(p_ids text[], p_status text, p_at timestamptz) returns setof text language sql
  set enable_seqscan = off set enable_bitmapscan = off as $$
  with taken as (
    delete from deliveries_pending d where d.id = any (p_ids) returning d.*
  )
  insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, status, attempts_made, due_at, created_at, updated_at,
                          replay_of, replayed_as, replays, replay_job_id, order_key, passed, week)
    select t.id, t.organization_id, t.livemode, t.endpoint_id, t.event_id, t.event_type, t.event_position, t.sequence, p_status, t.attempts_made, t.due_at, t.created_at, p_at,
           t.replay_of, t.replayed_as, t.replays, t.replay_job_id, t.order_key, t.passed, works_week(now())
      from taken t
  returning id
$$;

create or replace function works_reconcile_futures(p_limit integer) returns table (delivery_id text, outcome text) language plpgsql
  set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  return query
    select e.id, 'dead' from works_end_deliveries(
      array(select u.id from deliveries_pending u where u.status = 'pending' and u.attempts_made >= 8 order by u.id limit p_limit for update skip locked), 'dead', now()) as e(id);
  return query
    select c.id, 'cancelled' from works_end_deliveries(array(
       select o.id from webhook_endpoints e cross join lateral (
           select p.id from deliveries_pending p where p.endpoint_id = e.id and p.status = 'pending' limit p_limit for update skip locked
         ) o
        where e.deleted_at > now() - interval '1 day' limit p_limit), 'cancelled', now()) as c(id);
  return query
    update deliveries_pending d set due_at = least(d.next_attempt_at, now()), lease_token = null
     -- In the words of deliveries_next and of deliveries_lease_ends. What waits in line for another delivery is due at infinity.
     where d.id = any (array(
       select f.id from deliveries_pending f where f.next_attempt_at is not null and f.lease_token is null and f.due_at > now() + interval '3 hours' and f.due_at < 'infinity'
        order by f.due_at limit p_limit for update skip locked))
        or d.id = any (array(
       select f.id from deliveries_pending f where f.next_attempt_at is not null and f.lease_token is not null and f.due_at > now() + interval '3 hours'
        order by f.due_at limit p_limit for update skip locked))
    returning d.id, 'due';
end $$;

-- Records what came of attempts, many at once. A result whose lease was lost changes nothing: somebody else has the delivery by now.
-- With a result go what it tells of its endpoint, and the turn of whatever waited in line behind it.
-- What has ended goes to the partition of its week (see works_end_deliveries).
-- Answers { recorded, released: whether something waits for a claim now, failing: endpoints that have only failed for as long as p_patience_seconds }.
create or replace function works_record_attempts(p_results jsonb, p_patience_seconds integer) returns jsonb language plpgsql
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
    returning 1
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
           'recorded', (select count(*) from kept),
           'released', (select count(*) from released) > 0,
           'failing', coalesce((select jsonb_agg(c.endpoint_id) from changing c where c.failed_at - c.failing_since >= make_interval(secs => p_patience_seconds)), '[]'))
    into v_answer;
  return v_answer;
end $$;

-- Guarantees that an event is there and does not leave before this transaction ends: whoever drops its partition waits for it.
create function works_keep_event(p_id text) returns void language plpgsql set enable_seqscan = off as $$
begin
  if (select true from event_log l where l.id = p_id) is null then
    raise exception 'the event has left' using errcode = 'unique_violation', constraint = 'event_log_kept';
  end if;
end $$;

-- The time of the oldest event of a tenant that is kept.
create function works_oldest_event_at(p_organization_id text, p_livemode boolean, p_left_through bigint) returns timestamptz language sql stable
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off as $$
  select l.occurred_at from event_log l
   where (l.organization_id, l.livemode, l.position) > (p_organization_id, p_livemode, p_left_through) and l.organization_id = p_organization_id and l.livemode = p_livemode
   order by l.organization_id, l.livemode, l.position limit 1
$$;

-- Leases deliveries that were made before p_before and wait, so that their end can be recorded like any other.
create function works_claim_expired(p_before timestamptz, p_lease_token text, p_lease_seconds integer, p_limit integer)
  returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean,
                 url text, headers jsonb, secret text, max_in_flight integer, body text, next_attempt_at timestamptz, ordered boolean, passed text, attempts_made integer, lane integer)
  language sql set enable_bitmapscan = off set enable_seqscan = off set jit = off as $$
  with old as (
    select o.id from webhook_endpoints e cross join lateral (
        select d.id from deliveries_pending d where d.endpoint_id = e.id and d.next_attempt_at is not null and d.lease_token is null and d.created_at < p_before
         order by d.created_at, d.sequence limit p_limit for update skip locked
      ) o limit p_limit
  ), taken as (
    update deliveries_pending d set lease_token = p_lease_token, due_at = now() + make_interval(secs => p_lease_seconds)
     where d.id = any (array(select o.id from old o)) returning d.*
  )
  select t.id, t.endpoint_id, t.event_id, t.event_type, t.sequence, t.organization_id, t.livemode, e.url, e.headers, e.secret, e.max_in_flight,
         '', t.next_attempt_at, t.order_key is not null, t.passed, t.attempts_made, works_lane(t.replay_job_id, t.attempts_made)
    from taken t join webhook_endpoints e on e.id = t.endpoint_id
   order by t.sequence
$$;
