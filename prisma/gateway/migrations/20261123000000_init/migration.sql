-- Who may come in. The gateway owns organizations and their keys, and nothing of the domain.

create table organizations (
  id         text        primary key,
  name       text        not null check (length(name) between 1 and 200),
  time_zone  text        not null default 'Asia/Kolkata',
  created_at timestamptz not null default now()
);

create table api_keys (
  id              text        primary key,
  organization_id text        not null references organizations (id),
  livemode        boolean     not null,
  -- SHA-256 of the whole key. The key itself is shown once and kept nowhere.
  hash            bytea       not null unique check (length(hash) = 32),
  -- The last four characters, by which a person recognises it.
  hint            text        not null,
  scopes          text[]      not null,
  created_at      timestamptz not null default now(),
  expires_at      timestamptz,
  revoked_at      timestamptz
);
create index api_keys_organization on api_keys (organization_id, livemode, id);

-- Guarantees that the public door sees a key only while it holds the hash of that very key, and only that key's organization:
-- a statement gone wrong cannot list anybody's keys.
alter table organizations enable row level security;
alter table organizations force row level security;
alter table api_keys enable row level security;
alter table api_keys force row level security;
create policy holder on api_keys for select to works_service
  using (hash = decode(current_setting('works.key_hash', true), 'hex'));
create policy holder on organizations for select to works_service
  using (id = current_setting('works.organization_id', true));
grant select on organizations, api_keys to works_service;

-- The operator's command line works for every organization.
create policy operator on organizations to works_worker using (true) with check (true);
create policy operator on api_keys to works_worker using (true) with check (true);
grant select, insert, update on organizations, api_keys to works_worker;

-- The caller behind a key that is neither expired nor revoked, in one round trip; no row for any other.
create function works_caller_of(p_hash text)
  returns table (key_id text, organization_id text, livemode boolean, scopes text[], time_zone text) language plpgsql as $$
declare
  v_key api_keys;
begin
  perform set_config('works.key_hash', p_hash, true);
  select k.* into v_key from api_keys k
   where k.hash = decode(p_hash, 'hex') and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());
  if not found then return; end if;
  perform set_config('works.organization_id', v_key.organization_id, true);
  return query select v_key.id, v_key.organization_id, v_key.livemode, v_key.scopes, o.time_zone from organizations o where o.id = v_key.organization_id;
end $$;
