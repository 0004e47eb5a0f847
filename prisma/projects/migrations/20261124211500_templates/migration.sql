-- The versions of an organization's templates: written once, never again.
create table template_versions (
  organization_id text        not null,
  livemode        boolean     not null,
  -- Bytewise whatever the database's locale, as the service sorts the built-in ones in between.
  key             text        collate "C" not null,
  version         integer     not null check (version > 0),
  -- Of the template: the same for all of its versions.
  id              text        not null,
  name            text        not null,
  calendar        jsonb       not null,
  roles           jsonb       not null,
  variables       jsonb       not null,
  milestones      jsonb       not null,
  milestone_count integer     not null check (milestone_count between 0 and 100),
  task_count      integer     not null check (task_count between 0 and 1000),
  created_at      timestamptz not null,
  published_at    timestamptz not null,
  constraint template_versions_pkey primary key (organization_id, livemode, key, version)
);
select works_protect('template_versions');

-- Guarantees that a version never changes once it is published, whatever the service's code does.
revoke update, delete on template_versions from works_service;
