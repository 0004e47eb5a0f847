-- Up to which number an endpoint's deliveries are known to be all there.
create table reconciled_sequences (
  endpoint_id     text        primary key references webhook_endpoints (id),
  organization_id text        not null,
  livemode        boolean     not null,
  sequence        bigint      not null
);
select works_protect('reconciled_sequences');
select works_open_to_worker('reconciled_sequences');

-- Empty as long as all is well, so that looking costs nothing: deliveries that wait for a ninth attempt.
create index deliveries_used_up on deliveries (id) where status = 'pending' and attempts_made >= 8;

-- Finds numbers of an endpoint that no delivery has, and makes the delivery anew where it is certain which event it was for: the numbers say how many
-- events between two neighbours wanted delivering, whatever the endpoint's filter was at that time. Where as many events of the log stand between
-- them without a delivery, it was those. `event_id` is null for a number that cannot be told.
-- Looks at p_width numbers of each endpoint at most, and never twice at the same.
create function works_reconcile_sequences(p_width integer, p_delivery_seed text)
  returns table (endpoint_id text, sequence bigint, event_id text) language plpgsql set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
#variable_conflict use_column
declare
  v record;
  v_gap record;
  v_events text[];
  v_made integer := 0;
begin
  for v in
    select e.id, e.organization_id, e.livemode, coalesce(r.sequence, 0) as checked, least(e.last_sequence, coalesce(r.sequence, 0) + p_width) as through
      from webhook_endpoints e left join reconciled_sequences r on r.endpoint_id = e.id
     where e.deleted_at is null and e.last_sequence > coalesce(r.sequence, 0)
     order by e.id
  loop
    if (select count(*) from deliveries d
         where (d.endpoint_id, d.sequence) > (v.id, v.checked) and (d.endpoint_id, d.sequence) <= (v.id, v.through) and d.replay_of is null)
       < v.through - v.checked then
      for v_gap in
        -- Each row of missing numbers, with the positions of the events on both sides of it.
        select min(m.number) as first, max(m.number) as last,
               coalesce((select d.event_position from deliveries d where d.endpoint_id = v.id and d.sequence = min(m.number) - 1 and d.replay_of is null), 0) as after,
               coalesce((select d.event_position from deliveries d where d.endpoint_id = v.id and d.sequence = max(m.number) + 1 and d.replay_of is null),
                        (select c.last_position + 1 from event_counters c where c.organization_id = v.organization_id and c.livemode = v.livemode)) as before
          from (select g.number, g.number - row_number() over (order by g.number) as island from generate_series(v.checked + 1, v.through) as g(number)
                 where (select true from deliveries d where d.endpoint_id = v.id and d.sequence = g.number and d.replay_of is null) is null) m
         group by m.island order by 1
      loop
        v_events := array(
          select l.id from event_log l
           where l.organization_id = v.organization_id and l.livemode = v.livemode and l.position > v_gap.after and l.position < v_gap.before
             and (select true from deliveries d where d.event_id = l.id and d.endpoint_id = v.id and d.replay_of is null) is null
           order by l.position limit v_gap.last - v_gap.first + 2);
        if cardinality(v_events) = v_gap.last - v_gap.first + 1 then
          insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, next_attempt_at, due_at)
            select 'dlv_' || p_delivery_seed || lpad(upper(to_hex(v_made + n.place)), 6, '0'), v.organization_id, v.livemode, v.id, l.id, l.type, l.position,
                   v_gap.first + n.place - 1, now(), now()
              from unnest(v_events) with ordinality as n(id, place) join event_log l on l.id = n.id;
          v_made := v_made + cardinality(v_events);
          return query select v.id, v_gap.first + n.place - 1, n.id from unnest(v_events) with ordinality as n(id, place);
        else
          return query select v.id, g.number, null::text from generate_series(v_gap.first, v_gap.last) as g(number);
        end if;
      end loop;
    end if;
    insert into reconciled_sequences as r (endpoint_id, organization_id, livemode, sequence) values (v.id, v.organization_id, v.livemode, v.through)
    on conflict (endpoint_id) do update set sequence = excluded.sequence;
  end loop;
end $$;

-- Finds deliveries that wait for what will never come, and gives them an end or a time: used up (dead), of an endpoint that was deleted (cancelled),
-- due later than any wait of the schedule and any lease can last (due by their next attempt).
create function works_reconcile_futures(p_limit integer) returns table (delivery_id text, outcome text) language plpgsql
  set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  return query
    update deliveries d set status = 'dead', next_attempt_at = null, lease_token = null, updated_at = now()
     where d.id = any (array(select u.id from deliveries u where u.status = 'pending' and u.attempts_made >= 8 order by u.id limit p_limit for update skip locked))
    returning d.id, 'dead';
  return query
    update deliveries d set status = 'cancelled', next_attempt_at = null, lease_token = null, updated_at = now()
     where d.id = any (array(
       select o.id from webhook_endpoints e cross join lateral (
           select p.id from deliveries p where p.endpoint_id = e.id and p.status = 'pending' limit p_limit for update skip locked
         ) o
        where e.deleted_at > now() - interval '1 day' limit p_limit))
    returning d.id, 'cancelled';
  return query
    update deliveries d set due_at = least(d.next_attempt_at, now()), lease_token = null
     -- In the words of deliveries_next and of deliveries_lease_ends. What waits in line for another delivery is due at infinity.
     where d.id = any (array(
       select f.id from deliveries f where f.next_attempt_at is not null and f.lease_token is null and f.due_at > now() + interval '3 hours' and f.due_at < 'infinity'
        order by f.due_at limit p_limit for update skip locked))
        or d.id = any (array(
       select f.id from deliveries f where f.next_attempt_at is not null and f.lease_token is not null and f.due_at > now() + interval '3 hours'
        order by f.due_at limit p_limit for update skip locked))
    returning d.id, 'due';
end $$;
