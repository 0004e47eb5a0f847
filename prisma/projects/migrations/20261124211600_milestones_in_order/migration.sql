-- A statement in a command's transaction, for what the command read of other aggregates before it decided: when that no longer holds, the
-- store takes the serialization failure for a lost race, and the rules look again.
create function decide_again_unless(p_holds boolean) returns void language plpgsql as $$
begin
  if p_holds is not true then
    raise exception 'what was decided on has changed' using errcode = 'serialization_failure';
  end if;
end $$;

-- Guarantees that no place in a project is given twice. Checked at the end of the statement's transaction: while some move down, two share a place.
-- The constraint's index also serves the reads that the old one served.
drop index milestones_of_project;
alter table milestones add constraint milestones_in_order unique (organization_id, livemode, project_id, position) deferrable initially deferred;

-- Guarantees that no milestone changes once its project is closed, and that a project closes over nothing it has not seen: whoever changes a
-- milestone shares the project's row until the commit, and a closing (which writes that row) waits for all of them before it looks again.
-- Documents that are written anew as they are (a rebuild) are no change.
create function refuse_milestone_of_closed_project() returns trigger language plpgsql as $$
declare
  v_status text;
begin
  select status into v_status from projects where id = new.project_id for share;
  perform decide_again_unless(v_status is distinct from 'closed');
  return null;
end $$;
create trigger milestones_added_to_open_project after insert on milestones
  for each row when (new.version = 1) execute function refuse_milestone_of_closed_project();
create trigger milestones_changed_in_open_project after update on milestones
  for each row when (new.version > old.version) execute function refuse_milestone_of_closed_project();
