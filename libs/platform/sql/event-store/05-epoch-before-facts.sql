-- A promoted standby, or another server behind the same address, may give numbers that were told already, for facts that it does not have. So it begins
-- its epoch before it takes the first fact, whoever else asks or not: every position that is given on it lies after `begins_after`.
create function works_present_epoch_first() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform works_present_epoch();
  perform set_config('works.knows_incarnation', 'true', false);
  return null;
end $$;

-- A session stays on one server and one timeline for as long as it can write, so each asks once. Before the statement no position has been drawn.
create trigger works_present_epoch_first before insert on events for each statement
  when (current_setting('works.knows_incarnation', true) is distinct from 'true') execute function works_present_epoch_first();
