-- The embedded event log: what Kafka is to a cluster, on one Postgres table, for one small machine.
-- The log database's first migration holds exactly this text. No tenants here: it is infrastructure, read by services, not by callers.

-- A topic has six partitions; messages of one key share one, so they keep their order.
create function works_log_partition(p_key text) returns smallint language sql immutable parallel safe
  return (hashtextextended(p_key, 0) & 2147483647) % 6;

-- Append-only. `offset` is one sequence over all partitions, so one number is a point in time of the whole log.
create table messages (
  topic        text        not null,
  partition    smallint    not null,
  "offset"     bigint      not null generated always as identity,
  key          text        not null,
  value        text        not null,
  headers      text        not null,
  published_at timestamptz not null default now(),
  primary key (topic, partition, "offset")
);

-- How far a consumer group has handled a topic's partition. No row: it reads from the start.
-- Updated all the time and never on an indexed column: the room left in each page keeps the updates in place.
create table cursors (
  consumer_group text     not null,
  topic          text     not null,
  partition      smallint not null,
  "offset"       bigint   not null,
  primary key (consumer_group, topic, partition)
) with (fillfactor = 50);

-- Guarantees that offsets become visible in their own order, so a reader that has seen an offset has seen every smaller one:
-- the lock is held from before the offsets are drawn until after the commit is visible. Publishers are few and send batches;
-- the notification at the end would let their commits happen one at a time anyway.
-- This function is the only way to write messages (it runs as their owner), so nobody can publish without the lock.
create function works_log_publish(p_topics text[], p_keys text[], p_values text[], p_headers text[]) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform pg_advisory_xact_lock(7165285);
  insert into messages (topic, partition, key, value, headers)
  select topic, works_log_partition(key), key, value, headers
    from unnest(p_topics, p_keys, p_values, p_headers) with ordinality as message (topic, key, value, headers, nth)
   order by nth;
  -- Says where to look, `topic:partition` by topic; when that is too long for a notification, it says "everywhere".
  perform pg_notify('works_log', case when octet_length(places) < 7900 then places else '' end)
     from (select coalesce(string_agg(distinct topic || ':' || works_log_partition(key), ' '), '') as places
             from unnest(p_topics, p_keys) as message (topic, key)) as published;
end $$;

revoke execute on function works_log_publish from public;
grant execute on function works_log_publish to works_service;
grant select on messages to works_service;
grant select, insert, update on cursors to works_service;
grant select on sequence messages_offset_seq to works_service;
