-- platform:begin 06-facts-between
-- What a consumer may not have handled yet is fetched from here, without waiting for the event log: the public facts of one tenant between two
-- positions. That window is small, because its lower end follows what the consumer has handled.
create index events_of_tenant on events (organization_id, livemode, position) where topic is not null;

-- At most `p_limit` of them, in order: those of the keys `p_keys`, and all facts of every key under which `p_actor` has written in the window, so that
-- each key's facts are whole. Without keys and actor: all.
create function works_facts_between(
  p_organization_id text, p_livemode boolean, p_after bigint, p_through bigint, p_keys text[], p_actor text, p_topics text[], p_limit integer
) returns setof events language plpgsql stable
  set search_path = public, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_keys text[] := p_keys;
begin
  if p_actor is not null then
    v_keys := coalesce(p_keys, '{}') || array(
      select distinct e.log_key collate "C" from events e
       where e.organization_id = p_organization_id and e.livemode = p_livemode and e.position > p_after and e.position <= p_through
         and e.topic is not null and e.metadata->'actor'->>'id' = p_actor);
  end if;
  return query
    select e.* from events e
     where e.organization_id = p_organization_id and e.livemode = p_livemode and e.position > p_after and e.position <= p_through
       and e.topic is not null and e.topic = any(p_topics) and (v_keys is null or e.log_key = any(v_keys))
     order by e.position limit p_limit;
end $$;
-- platform:end
select works_pin_search_paths();
