-- What guards a change is no judge of history: a rebuild writes documents as their events say, and those were allowed when they happened.
-- `works.rebuilding` is set for a transaction, like the tenant, and only by a rebuild.
create or replace function refuse_milestone_of_closed_project() returns trigger language plpgsql as $$
declare
  v_status text;
begin
  if current_setting('works.rebuilding', true) = 'true' then
    return null;
  end if;
  select status into v_status from projects where id = new.project_id for share;
  perform decide_again_unless(v_status is distinct from 'closed');
  return null;
end $$;
