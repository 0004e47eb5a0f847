-- The least a database can do for one accepted write: the idempotency row, the event and the document, under forced row-level security,
-- in one function call. Everything the product adds to this (HTTP, validation, signing, publishing, fan-out) shows in the ratio.
drop schema if exists floor cascade;
create schema floor;
do $$ begin if not exists (select from pg_roles where rolname = 'works_floor') then create role works_floor nologin nosuperuser nobypassrls; end if; end $$;
create table floor.idempotency_keys (tenant_id text not null, key text not null, result jsonb, created_at timestamptz not null default now(), primary key (tenant_id, key));
create table floor.events (id bigint generated always as identity primary key, tenant_id text not null, stream_id text not null, version int not null, type text not null, data jsonb not null, at timestamptz not null default now(), unique (stream_id, version));
create table floor.tasks (tenant_id text not null, id text not null, title text not null, status text not null, version int not null, updated_at timestamptz not null default now(), primary key (tenant_id, id));
do $$ declare t text; begin foreach t in array array['idempotency_keys', 'events', 'tasks'] loop
  execute format('alter table floor.%I enable row level security', t);
  execute format('alter table floor.%I force row level security', t);
  execute format($p$create policy tenant on floor.%I using (tenant_id = current_setting('floor.tenant_id', true)) with check (tenant_id = current_setting('floor.tenant_id', true))$p$, t);
end loop; end $$;
create function floor.append(p_tenant text, p_key text, p_stream text, p_expected int, p_type text, p_data jsonb) returns int language plpgsql as $$
begin
  perform set_config('floor.tenant_id', p_tenant, true);
  insert into floor.idempotency_keys (tenant_id, key) values (p_tenant, p_key) on conflict do nothing;
  if not found then return -1; end if;
  insert into floor.events (tenant_id, stream_id, version, type, data) values (p_tenant, p_stream, p_expected + 1, p_type, p_data);
  insert into floor.tasks (tenant_id, id, title, status, version) values (p_tenant, p_stream, p_data->>'title', p_data->>'status', p_expected + 1)
    on conflict (tenant_id, id) do update set title = excluded.title, status = excluded.status, version = excluded.version, updated_at = now();
  return p_expected + 1;
end $$;
grant usage on schema floor to works_floor;
grant all on all tables in schema floor to works_floor;
grant usage on all sequences in schema floor to works_floor;
