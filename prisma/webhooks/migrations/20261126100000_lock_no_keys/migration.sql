-- A row that refers to an endpoint holds the endpoint's key. `for update` would ask for that key too: whoever records an attempt would wait for the
-- fan-out of the same tenant, and where it has locked another of its endpoints first, each waits for the other until one is refused.
-- Nobody here changes a key, so the weaker lock is enough; two fan-outs still exclude each other.
create or replace function works_lock_tenants(p_organizations text[], p_livemodes boolean[]) returns void language plpgsql set enable_seqscan = off as $$
begin
  perform works_lock_counters(p_organizations, p_livemodes);
  perform from webhook_endpoints e
    where e.deleted_at is null
      and (e.organization_id, e.livemode) in (select g.organization_id, g.livemode from unnest(p_organizations, p_livemodes) as g(organization_id, livemode))
    order by e.id for no key update;
end $$;

do $$
declare
  v_before text := pg_get_functiondef('works_replay_events(text, text, text[], text)'::regprocedure);
  v_after text := replace(v_before, 'where e.id = p_endpoint_id for update', 'where e.id = p_endpoint_id for no key update');
begin
  assert v_after <> v_before;
  execute v_after;
end $$;
