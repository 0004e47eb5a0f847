-- Which service owns an idempotency key (ADR 16). Claimed before a mutation is forwarded, so that no restart of anything, and no second gateway, lets
-- another service take the key of a request that has had its effect.
create table key_claims (
  organization_id text        not null,
  livemode        boolean     not null,
  key             text        not null,
  service         text        not null,
  -- A fencing token: what a service was asked under a lower one has no effect once the key was given away.
  generation      bigint      not null default 1,
  -- Another service has asked for the key: the owner may have given it away, and leaves this generation behind when it comes back.
  contested       boolean     not null default false,
  expires_at      timestamptz not null,
  primary key (organization_id, livemode, key)
);
create index key_claims_expiry on key_claims using brin (expires_at);

-- Guarantees that a statement gone wrong sees the keys of one organization and mode at most.
alter table key_claims enable row level security;
alter table key_claims force row level security;
create policy tenant on key_claims to works_service
  using (organization_id = current_setting('works.organization_id', true)
         and livemode = (current_setting('works.livemode', true) = 'true'))
  with check (organization_id = current_setting('works.organization_id', true)
              and livemode = (current_setting('works.livemode', true) = 'true'));
grant select, insert, update on key_claims to works_service;

-- Claims keys for services, any number in one round trip and one commit; one row for each, in their order, with who owns it now. Whoever owns a key
-- goes on owning it. Each claim is good for so many seconds from now on. A key may come several times, but for one service only.
create function works_claim_keys(p_organizations text[], p_livemodes boolean[], p_keys text[], p_services text[], p_keep_seconds integer)
  returns table (claim bigint, service text, generation bigint) language plpgsql set search_path from current set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_tenant record;
begin
  -- In one order everywhere, so that two gateways never wait for each other in a circle; so are the keys of a tenant.
  for v_tenant in
    select t.organization_id, t.livemode from unnest(p_organizations, p_livemodes) as t(organization_id, livemode)
     group by t.organization_id, t.livemode order by t.organization_id collate "C", t.livemode
  loop
    perform set_config('works.organization_id', v_tenant.organization_id, true), set_config('works.livemode', v_tenant.livemode::text, true);

    -- What the insert itself returns is joined, and never the table: a plan that was made while it was small would read all of it for ever.
    return query
      with claimed as (
        insert into key_claims as c (organization_id, livemode, key, service, expires_at)
          select distinct on (r.key collate "C") r.organization_id, r.livemode, r.key, r.service, now() + make_interval(secs => p_keep_seconds)
            from unnest(p_organizations, p_livemodes, p_keys, p_services) as r(organization_id, livemode, key, service)
           where r.organization_id = v_tenant.organization_id and r.livemode = v_tenant.livemode
           order by r.key collate "C"
        on conflict (organization_id, livemode, key) do update
          set service    = case when c.expires_at <= now() then excluded.service else c.service end,
              generation = case when c.expires_at <= now() then 1 when c.service = excluded.service and c.contested then c.generation + 1 else c.generation end,
              contested  = c.expires_at > now() and c.service <> excluded.service,
              expires_at = excluded.expires_at
        returning c.key, c.service, c.generation
      )
      select r.place, claimed.service, claimed.generation
        from unnest(p_organizations, p_livemodes, p_keys) with ordinality as r(organization_id, livemode, key, place)
        join claimed on claimed.key = r.key
       where r.organization_id = v_tenant.organization_id and r.livemode = v_tenant.livemode;
  end loop;
end $$;

-- Moves a claim that its owner has released to another service; no row when it is not that claim any more.
create function works_move_key(p_organization_id text, p_livemode boolean, p_key text, p_from text, p_generation bigint, p_to text, p_keep_seconds integer)
  returns table (service text, generation bigint) language plpgsql set search_path from current as $$
#variable_conflict use_column
begin
  perform set_config('works.organization_id', p_organization_id, true), set_config('works.livemode', p_livemode::text, true);
  return query
    update key_claims as c
       set service = p_to, generation = c.generation + 1, contested = false, expires_at = now() + make_interval(secs => p_keep_seconds)
     where c.organization_id = p_organization_id and c.livemode = p_livemode and c.key = p_key and c.service = p_from and c.generation = p_generation
    returning c.service, c.generation;
end $$;

-- Deletes claims that have served their time, a bite of them. As the owner of the table, whom a policy lets see just these: the role of the public
-- door still sees no claims but a tenant's own.
create policy sweeper on key_claims to current_user using (expires_at < now());
create function works_sweep_key_claims(p_most integer) returns bigint language sql security definer set search_path from current as $$
  with swept as (
    delete from key_claims where ctid = any(array(select ctid from key_claims where expires_at < now() limit p_most)) returning 1
  )
  select count(*) from swept
$$;
revoke execute on function works_sweep_key_claims(integer) from public;
grant execute on function works_sweep_key_claims(integer) to works_service;
