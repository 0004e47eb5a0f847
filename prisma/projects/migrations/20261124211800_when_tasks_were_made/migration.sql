-- When a task was made and when it ended the last time, so that progress can be told as of an instant. Of tasks noted before this, the first is
-- not known (they count from the beginning), nor the second (those that have ended count as ended from the beginning).
alter table project_tasks
  add column created_at timestamptz not null default '-infinity',
  add column ended_at timestamptz;
alter table project_tasks alter column created_at drop default;
