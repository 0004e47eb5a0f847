-- What lists of projects are narrowed by. Days as texts of YYYY-MM-DD sort as the days do.
alter table projects
  add column contact_id text generated always as (state->>'contact_id') stored,
  add column due_on text collate "C" generated always as (state->>'due_on') stored;
create index projects_of_contact on projects (organization_id, livemode, contact_id, id collate "C") where contact_id is not null;
create index projects_due on projects (organization_id, livemode, due_on, id collate "C") where due_on is not null;

-- Metadata to filter by. A table, because row-level security lets no jsonb operator use an index (they are not leakproof); and a trigger, so
-- that it is as true as the documents, whoever writes them.
create table project_metadata (
  project_id      text    not null references projects (id) on delete cascade,
  organization_id text    not null,
  livemode        boolean not null,
  key             text    not null,
  value           text    not null,
  primary key (project_id, key)
);
select works_protect('project_metadata');
create index project_metadata_pairs on project_metadata (organization_id, livemode, key, value, project_id collate "C");

create function keep_project_metadata() returns trigger language plpgsql as $$
begin
  delete from project_metadata where project_id = new.id;
  insert into project_metadata (project_id, organization_id, livemode, key, value)
    select new.id, new.organization_id, new.livemode, m.key, m.value from jsonb_each_text(new.state->'metadata') as m(key, value);
  return null;
end $$;
create trigger projects_new_metadata after insert on projects
  for each row when (new.state->'metadata' <> '{}')
  execute function keep_project_metadata();
create trigger projects_changed_metadata after update on projects
  for each row when (new.state->'metadata' is distinct from old.state->'metadata')
  execute function keep_project_metadata();

-- The projects that are there already. Whoever migrates owns the tables, and for once sees every tenant's rows.
alter table projects no force row level security;
alter table project_metadata no force row level security;
insert into project_metadata (project_id, organization_id, livemode, key, value)
  select p.id, p.organization_id, p.livemode, m.key, m.value from projects p cross join lateral jsonb_each_text(p.state->'metadata') as m(key, value);
alter table projects force row level security;
alter table project_metadata force row level security;
