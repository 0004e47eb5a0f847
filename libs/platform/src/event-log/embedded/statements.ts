/** Partitions of every topic; libs/platform/sql/embedded-log.sql divides keys among as many. */
export const PARTITIONS = 6;

/** Notifications: messages were published (`topic:partition …`, empty for "look everywhere"); the members of a group have changed (its name). */
export const PUBLISHED = 'works_log';
export const MEMBERS_CHANGED = 'works_log_members';

/** Second number of the advisory lock that every member of a group shares; partitions have 0 to 5. The first is the group's hash. */
const MEMBERSHIP = 1_000;

export const JOIN = {
  text: `select pg_advisory_lock_shared(hashtext($1), ${MEMBERSHIP}), pg_notify('${MEMBERS_CHANGED}', $1)`,
};

/** Everybody in the group, by the locks that sessions hold: a member whose process died is gone with its session. */
export const MEMBERS = {
  name: 'works_log_members',
  text: `select pid, pid = pg_backend_pid() as me from pg_locks
          where locktype = 'advisory' and granted and objsubid = 2 and objid = ${MEMBERSHIP}
            and classid::bigint = hashtext($1)::bigint & 4294967295
            and database = (select oid from pg_database where datname = current_database())
          order by pid`,
};

/** Takes what nobody has. Guarantees one owner per group and partition, for as long as its session lives and no longer. */
export const TAKE_PARTITIONS = {
  name: 'works_log_take',
  text: 'select partition from unnest($2::int[]) as partition where pg_try_advisory_lock(hashtext($1), partition)',
};

/** Whoever waits for the partition is told at once. */
export const GIVE_PARTITION = {
  text: `select pg_advisory_unlock(hashtext($1), $2), pg_notify('${MEMBERS_CHANGED}', $1)`,
};

export const LEAVE = { text: `select pg_advisory_unlock_all(), pg_notify('${MEMBERS_CHANGED}', $1)` };

/** Read after the lock is held, or the last commit of the partition's former owner could be missed. */
export const CURSORS = {
  name: 'works_log_cursors',
  text: `select topic, "offset"::text from cursors where consumer_group = $1 and partition = $2 and topic = any ($3)`,
};

/** A batch may not fill the memory: about this much is read at once of each partition, but never less than one message. */
export const READ_BYTES_MAX = 4_000_000;

/**
 * The next messages of some partitions across topics, in the order of the log, each topic after its own cursor: row n of the three arrays is
 * a partition, a topic, and the offset after which to read. One short index scan per row: a topic that is quiet among millions of other
 * messages costs nothing. A message whose key begins with none of the prefixes comes without its value: it is only passed over.
 */
export const READ = {
  name: 'works_log_read',
  text: `select partition, topic, "offset"::text, key, value, headers
           from (select candidate.*, row_number() over in_order as place,
                        sum(coalesce(octet_length(value), 0)) over in_order - coalesce(octet_length(value), 0) as bytes_before
                   from (select next.*
                           from unnest($1::smallint[], $2::text[], $3::bigint[]) as cursor (partition, topic, after)
                          cross join lateral (select partition, topic, "offset", key, case when key ^@ any($5::text[]) then value end as value,
                                                     case when key ^@ any($5::text[]) then headers end as headers from messages
                                               where messages.topic = cursor.topic and messages.partition = cursor.partition and "offset" > cursor.after
                                               order by "offset" limit $4) as next) as candidate
                 window in_order as (partition by partition order by "offset")) as batch
          where place <= $4 and bytes_before < ${READ_BYTES_MAX}
          order by batch."offset"`,
};

export const COMMIT = {
  name: 'works_log_commit',
  text: `insert into cursors (consumer_group, topic, partition, "offset")
         select $1, topic, partition, "offset" from unnest($2::text[], $3::smallint[], $4::bigint[]) as handled (topic, partition, "offset")
         on conflict (consumer_group, topic, partition) do update set "offset" = excluded."offset"`,
};

export const PUBLISH = {
  name: 'works_log_publish',
  text: 'select works_log_publish($1, $2, $3, $4)',
};

/** The places of a group's topics, with the offset after which each is to be read. */
const PLACES = `
  from unnest($2::text[]) as wanted (topic)
 cross join generate_series(0, ${PARTITIONS - 1}) as place (partition)
 cross join lateral (select coalesce((select "offset" from cursors
                                       where consumer_group = $1 and cursors.topic = wanted.topic and cursors.partition = place.partition), 0)) as cursor (after)`;

const UNHANDLED = `
  from messages
 where messages.topic = wanted.topic and messages.partition = place.partition and messages."offset" > cursor.after`;

/**
 * Everything published before now has an offset up to `end`. Asked again with that end, it says whether the group is there yet.
 * The order and the limit keep it two look-ups in an index for each place, whatever the statistics say.
 */
export const IS_BEHIND = {
  name: 'works_log_is_behind',
  text: `select log."end"::text, exists (select ${PLACES} cross join lateral (
                  select ${UNHANDLED} and messages."offset" <= log."end" order by messages."offset" limit 1) as message) as behind
           from (select coalesce($3::bigint, last_value) as "end" from messages_offset_seq) as log`,
};

export const COUNT_UNHANDLED = {
  name: 'works_log_count_unhandled',
  text: `select count(*)::int as lag ${PLACES} cross join lateral (select ${UNHANDLED} order by messages."offset" limit 100000) as message`,
};
