-- A worker shows that it lives by an advisory lock of its session: the moment its process is gone, so is the lock. Its leases hold places of
-- endpoints over all workers, so those must not wait for the clock. ("work" in ASCII; the second number is the hash of the worker's id.)
create function works_show_worker(p_worker text) returns void language sql as $$
  select pg_advisory_lock(2003792491, hashtext(p_worker))
$$;

-- Workers that have leases and no session. (One whose id has the hash of another that lives is not seen: its leases end by the clock.)
create function works_absent_workers() returns setof text language sql set enable_seqscan = off set enable_bitmapscan = off as $$
  with leasing as (
    select distinct split_part(d.lease_token, '.', 1) as worker from deliveries d where d.next_attempt_at is not null and d.lease_token is not null
  ), present as (
    select l.objid::bigint as hash from pg_locks l
     where l.locktype = 'advisory' and l.classid = 2003792491 and l.objsubid = 2 and l.granted
       and l.database = (select d.oid from pg_database d where d.datname = current_database())
  )
  select leasing.worker from leasing where hashtext(leasing.worker)::bigint & 4294967295 not in (select present.hash from present)
$$;

-- What these workers had is due again. Rows that somebody has in hand are left to him.
create function works_end_leases_of(p_workers text[]) returns integer language sql set enable_seqscan = off set enable_bitmapscan = off as $$
  with over as (
    select d.id from deliveries d
     where d.next_attempt_at is not null and d.lease_token is not null and split_part(d.lease_token, '.', 1) = any (p_workers)
     order by d.due_at limit 500 for update skip locked
  ), ended as (
    update deliveries d set lease_token = null, due_at = least(d.due_at, now()) where d.id = any (array(select o.id from over o)) returning 1
  )
  select count(*)::integer from ended
$$;
