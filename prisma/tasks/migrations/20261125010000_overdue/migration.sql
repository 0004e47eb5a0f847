-- When an open task becomes overdue, while that has not been told: null once task.overdue has told of exactly this instant, and once the task has
-- ended. A date that moves makes it an instant again. Like every column here it follows from the document, so whatever writes documents keeps it true.
create function untold_overdue_at_of(p_state jsonb) returns timestamptz language sql immutable as $$
  select case when p_state->>'status' = 'open' and p_state->>'overdue_at' is distinct from p_state->>'overdue_told_for'
              then instant_of(p_state->>'overdue_at') end
$$;
alter table tasks add column untold_overdue_at timestamptz generated always as (untold_overdue_at_of(state)) stored;

-- What the scan reads, across tenants: the tasks that will be told of, those that fall due first at its beginning. It holds neither ended tasks
-- nor tasks that were told of, so it stays as small as the work to come.
create index tasks_untold on tasks (untold_overdue_at) where untold_overdue_at is not null;

-- The scan learns whose task is overdue, and nothing of what it is about: the rest is read in the tenant's own name.
create policy overdue_scan on tasks for select to works_worker using (untold_overdue_at is not null);
grant select (id, organization_id, livemode, untold_overdue_at) on tasks to works_worker;
