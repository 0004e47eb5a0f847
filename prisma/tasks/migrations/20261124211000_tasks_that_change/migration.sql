-- Guarantees that a closed project gets no open task: neither a new one nor an old one that is reopened while it closes. Whoever comes second
-- waits for the row, and then either decides again here (and is refused, for now the closing can be read) or finds the open task and cancels it.
-- New tasks of a template (they have a key) are exempt: they were promised when the project was made.
create or replace function refuse_task_in_closed_project() returns trigger language plpgsql as $$
declare
  v_status text;
begin
  select status into v_status from project_references where project_id = new.project_id for share;
  if v_status = 'closed' then
    raise exception 'the project has been closed meanwhile' using errcode = 'serialization_failure';
  end if;
  return null;
end $$;
create trigger tasks_reopened_in_open_project after update on tasks
  for each row when (new.project_id is not null and new.status = 'open' and old.status <> 'open')
  execute function refuse_task_in_closed_project();

-- Guarantees that dependencies never form a cycle, however many change at the same moment. Within one project (or among the tasks of none;
-- dependencies never leave either) changes to dependencies come one after the other: the lock is held until commit, so the second one reads
-- what the first has left. It is the last word, not the first: a command looks before it decides, and names the cycle that it sees.
-- A new task needs no look: nothing can depend on it yet.
create function refuse_dependency_cycle() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(concat_ws(' ', 'dependencies', new.organization_id, new.livemode, new.project_id), 0));
  if exists (
    with recursive reached (id) as (
      select jsonb_array_elements_text(new.state->'depends_on')
      union
      select d.id from reached r join tasks t on t.id = r.id cross join lateral jsonb_array_elements_text(t.state->'depends_on') as d(id)
    )
    select from reached where id = new.id
  ) then
    raise exception 'the dependencies have changed meanwhile' using errcode = 'serialization_failure';
  end if;
  return null;
end $$;
create trigger tasks_without_cycle after update on tasks
  for each row when (new.state->'depends_on' is distinct from old.state->'depends_on')
  execute function refuse_dependency_cycle();

-- The day on which a task falls due, where it falls due. Texts of dates and instants mean the same under every setting, so immutable is true.
-- A zone that this server has not heard of (names are checked against another database of zones) must not make the task unwritable.
create function due_day_of(p_state jsonb) returns date language plpgsql immutable strict as $$
begin
  if p_state->>'due_on' is not null then
    return (p_state->>'due_on')::date;
  elsif p_state->>'due_at' is null then
    return null;
  end if;
  return (instant_of(p_state->>'due_at') at time zone (p_state->>'time_zone'))::date;
exception when invalid_parameter_value then
  return (instant_of(p_state->>'due_at') at time zone 'UTC')::date;
end $$;
alter table tasks add column due_day date generated always as (due_day_of(state)) stored;

-- Few tasks of many fall due in a window, are overdue, or depend on something. Titles have no index: row-level security lets no
-- comparison of patterns use one, so a search reads the organization's titles, newest first, until the page is full.
create index tasks_due on tasks (organization_id, livemode, due_day, id collate "C") where due_day is not null;
create index tasks_open_by_due on tasks (organization_id, livemode, overdue_at, id collate "C") where status = 'open' and overdue_at is not null;
create index tasks_waiting on tasks (organization_id, livemode, id collate "C") where status = 'open' and state->'depends_on' <> '[]';

-- Metadata to filter by. A table, because row-level security lets no jsonb or array operator use an index; and a trigger, so that it is as
-- true as the documents, whoever writes them.
create table task_metadata (
  task_id         text    not null references tasks (id) on delete cascade,
  organization_id text    not null,
  livemode        boolean not null,
  key             text    not null,
  value           text    not null,
  primary key (task_id, key)
);
select works_protect('task_metadata');
create index task_metadata_pairs on task_metadata (organization_id, livemode, key, value, task_id collate "C");

create function keep_task_metadata() returns trigger language plpgsql as $$
begin
  delete from task_metadata where task_id = new.id;
  insert into task_metadata (task_id, organization_id, livemode, key, value)
    select new.id, new.organization_id, new.livemode, m.key, m.value from jsonb_each_text(new.state->'metadata') as m(key, value);
  return null;
end $$;
create trigger tasks_new_metadata after insert on tasks
  for each row when (new.state->'metadata' <> '{}')
  execute function keep_task_metadata();
create trigger tasks_changed_metadata after update on tasks
  for each row when (new.state->'metadata' is distinct from old.state->'metadata')
  execute function keep_task_metadata();

-- The tasks that are there already. Whoever migrates owns the tables, and for once sees every tenant's rows.
alter table tasks no force row level security;
alter table task_metadata no force row level security;
insert into task_metadata (task_id, organization_id, livemode, key, value)
  select t.id, t.organization_id, t.livemode, m.key, m.value from tasks t cross join lateral jsonb_each_text(t.state->'metadata') as m(key, value);
alter table tasks force row level security;
alter table task_metadata force row level security;

-- What was said about a task, beside the fact task.commented that tells it.
create table task_comments (
  id              text        primary key,
  organization_id text        not null,
  livemode        boolean     not null,
  task_id         text        not null references tasks (id),
  author          jsonb       not null,
  body            text        not null,
  created_at      timestamptz not null
);
select works_protect('task_comments');
create index task_comments_newest on task_comments (organization_id, livemode, task_id, id collate "C");
