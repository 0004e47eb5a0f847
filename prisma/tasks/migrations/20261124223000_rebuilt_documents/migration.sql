-- What guards a change is no judge of history: a rebuild writes documents as their events say, and those were allowed when they happened.
-- `works.rebuilding` is set for a transaction, like the tenant, and only by a rebuild.
create or replace function refuse_task_in_closed_project() returns trigger language plpgsql as $$
declare
  v_status text;
begin
  if current_setting('works.rebuilding', true) = 'true' then
    return null;
  end if;
  select status into v_status from project_references where project_id = new.project_id for share;
  if v_status = 'closed' then
    raise exception 'the project has been closed meanwhile' using errcode = 'serialization_failure';
  end if;
  return null;
end $$;

drop trigger tasks_without_cycle on tasks;
create trigger tasks_without_cycle after update on tasks
  for each row when (new.state->'depends_on' is distinct from old.state->'depends_on' and current_setting('works.rebuilding', true) is distinct from 'true')
  execute function refuse_dependency_cycle();
