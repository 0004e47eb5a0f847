-- platform:begin 05-epoch-before-facts
-- A promoted standby, or another server behind the same address, may give numbers that were told already, for facts that it does not have. So it takes no
-- fact before its epoch has begun: every position that is given on it lies after `begins_after`, and is told with that epoch.
-- It refuses instead of beginning one, which would keep everybody waiting for the end of whatever transaction was first. Whoever connects begins it.
create function works_epoch_has_begun() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  if (select e.incarnation from epochs e order by e.ordinal desc limit 1) is distinct from works_incarnation() then
    raise exception 'the epoch of this server has not begun' using errcode = 'cannot_connect_now', hint = 'select works_present_epoch() begins it.';
  end if;
  perform set_config('works.epoch_has_begun', 'true', false);
  return null;
end $$;

-- A session stays on one server and one timeline for as long as it can write, so one look is enough. Before the statement no position has been drawn.
create trigger works_epoch_has_begun before insert on events for each statement
  when (current_setting('works.epoch_has_begun', true) is distinct from 'true') execute function works_epoch_has_begun();
-- platform:end
