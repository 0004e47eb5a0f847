-- Whoever records results goes on with what waits for the same endpoints, in the same transaction: the places that have just come free change hands,
-- and nobody has to claim. What is leased of a tenant stays as it was or becomes less, so nobody has to be kept from counting it meanwhile. Nothing changes
-- hands where others may have a better right to the place: replays, or retries that are due; an organization that has more than half of what it may have;
-- an endpoint whose breaker is open; one with a rate. Those go through works_claim_deliveries, which weighs them.
create function works_hand_over(p_endpoints text[], p_places integer[], p_lease_token text, p_lease_seconds integer, p_organization_max integer)
  returns table (delivery_id text, endpoint_id text, event_id text, event_type text, sequence bigint, organization_id text, livemode boolean,
                 url text, headers jsonb, secret text, max_in_flight integer, body text, next_attempt_at timestamptz, ordered boolean, passed text)
  language plpgsql set plan_cache_mode = force_generic_plan set enable_bitmapscan = off set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
begin
  return query
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
       where d.id = any (array(select c.id from chosen c)) returning d.*
    )
    select t.id, t.endpoint_id, t.event_id, t.event_type, t.sequence, t.organization_id, t.livemode, e.url, e.headers, e.secret, e.max_in_flight,
           (select l.body from event_log l where l.id = t.event_id), t.next_attempt_at, t.order_key is not null, t.passed
      from taken t join webhook_endpoints e on e.id = t.endpoint_id
     order by t.sequence;
end $$;

-- A new event is leased at once only where nothing that is due waits for the same endpoint: after `enable`, and wherever a place comes free before the next
-- claim, what waits goes first.
do $$
declare
  v_function regprocedure;
  v_before text;
  v_after text;
begin
  select oid::regprocedure into strict v_function from pg_proc where proname = 'works_fan_out';
  v_before := pg_get_functiondef(v_function);
  v_after := replace(replace(v_before,
    '), asking as (
      select l.*, l.open and not l.held and row_number()',
    '), behind as (
      -- (One look-up for each endpoint, ordered, so that the index of what waits answers.)
      select o.endpoint_id from (select distinct m.endpoint_id from matched m where m.open and m.places_left > 0) o
       where (select d.due_at <= now() from deliveries_pending d
               where d.endpoint_id = o.endpoint_id and d.status = ''pending'' and d.lease_token is null and works_lane(d.replay_job_id, d.attempts_made) = 0
               order by d.due_at, d.sequence limit 1)
    ), asking as (
      select l.*, l.open and not l.held and b.endpoint_id is null and row_number()'),
    'from lined_up l
    ), within_organization as (',
    'from lined_up l left join behind b on b.endpoint_id = l.endpoint_id
    ), within_organization as (');
  if length(v_after) - length(v_before) < 400 then
    raise exception 'works_fan_out is not what this was written for';
  end if;
  execute v_after;
end $$;
