-- One test clock for an organization, in test mode: how far its now is ahead of the real one. Live mode has no clock to move.
create table test_clocks (
  id              text    primary key,
  organization_id text    not null unique,
  livemode        boolean not null check (not livemode),
  version         integer not null check (version > 0),
  state           jsonb   not null,
  offset_ms       bigint  not null generated always as ((state->>'offset_ms')::bigint) stored check (offset_ms >= 0)
);
select works_declare_aggregate('test_clocks');

-- The scan knows every clock: what is overdue in test mode is so by the clock of its organization.
create policy overdue_scan on test_clocks for select to works_worker using (true);
grant select (organization_id, offset_ms) on test_clocks to works_worker;

-- The same order for each organization in test mode. A clock is never behind, so all that is overdue by the real time is so by every clock:
-- this index is asked only for what a clock brings nearer.
create index tasks_untold_in_test on tasks (organization_id, untold_overdue_at) where untold_overdue_at is not null and not livemode;
