-- platform:begin 04-facts-by-id
-- Finds facts by their ids, which begin with their time and so lie in the table about as they are sorted: a summary of each stretch of it is enough, and
-- costs a writer next to nothing. Asked only about facts that somebody misses.
create index events_ids on events using brin (id collate "C") with (pages_per_range = 32, autosummarize = on);

create function works_facts_by_id(p_ids text[]) returns setof events language plpgsql
  set search_path = public, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query select e.* from unnest(p_ids) as i(id) cross join lateral (select f.* from events f where f.id collate "C" = i.id offset 0) e;
end $$;
-- platform:end
