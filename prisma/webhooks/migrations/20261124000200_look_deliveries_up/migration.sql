-- The lane as a number: of a truth value the planner makes a comparison that no longer fits the index, and reads everything that waits.
drop index deliveries_waiting;
create index deliveries_waiting on deliveries (endpoint_id, ((attempts_made > 0)::integer), due_at) where status = 'pending';

-- Takes due deliveries for one worker, as many from each endpoint as it has places free, in turns over the endpoints.
-- The lease ends by the clock; what was taken and not recorded by then is due again.
-- Each step hands the next a few ids to look up: as joins the planner would read all that waits, and all of the log, whenever its statistics
-- are behind, which they are when a backlog grows.
create or replace function works_claim_deliveries(p_retries boolean, p_lease_token text, p_lease_seconds integer, p_limit integer, p_free jsonb)
  returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean,
                 url text, headers jsonb, secret text, max_in_flight integer, body text, attempts_made integer) language sql
  set enable_bitmapscan = off set enable_seqscan = off set jit = off as $$
  with places as (
    select e.id, e.url, e.headers, e.secret, e.max_in_flight, coalesce((p_free->>e.id)::integer, e.max_in_flight) as free
      from webhook_endpoints e where e.status = 'enabled' and e.deleted_at is null
  ), turns as (
    select due.id, row_number() over (partition by p.id order by due.due_at, due.sequence) as turn
      from places p cross join lateral (
        select d.id, d.due_at, d.sequence from deliveries d
         where d.endpoint_id = p.id and d.status = 'pending' and (d.attempts_made > 0)::integer = p_retries::integer and d.due_at <= now()
         order by d.due_at limit greatest(p.free, 0)
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

-- Records what came of attempts, many at once. A result whose lease was lost changes nothing: somebody else has the delivery by now.
create or replace function works_record_attempts(p_results jsonb) returns integer language sql
  set enable_bitmapscan = off set enable_seqscan = off as $$
  with results as (
    select * from jsonb_to_recordset(p_results) as r(
      attempt_id text, delivery_id text, lease_token text, number integer, started_at timestamptz, status_code integer, error jsonb, duration_ms double precision,
      timings jsonb, address text, response_body text, response_headers jsonb, status text, next_attempt_at timestamptz, ended_at timestamptz)
  ), held as (
    update deliveries d
       set status = r.status, attempts_made = r.number, lease_token = null, updated_at = r.ended_at,
           next_attempt_at = r.next_attempt_at, due_at = coalesce(r.next_attempt_at, d.due_at),
           delivered_at = case when r.status = 'delivered' then r.ended_at end
      from results r
     -- Only what is pending has a lease. The ids say where to look, as above.
     where d.id = any (array(select o.delivery_id from results o)) and d.id = r.delivery_id and d.lease_token = r.lease_token
    returning d.id, d.organization_id, d.livemode, d.endpoint_id
  ), kept as (
    insert into attempts (id, organization_id, livemode, delivery_id, endpoint_id, number, started_at, status_code, error, duration_ms, timings, address, response_body, response_headers)
      select r.attempt_id, h.organization_id, h.livemode, h.id, h.endpoint_id, r.number, r.started_at, r.status_code, r.error, r.duration_ms, r.timings, r.address, r.response_body, r.response_headers
        from results r join held h on h.id = r.delivery_id
    returning 1
  )
  select count(*)::integer from kept
$$;

-- Few rows against tables that grow: by their indexes, whatever the statistics say.
alter function works_fan_out set enable_seqscan = off;
