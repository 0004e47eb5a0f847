-- How far an organization's test mode is ahead of the real time: a copy, fed by test_clock.advanced.
create table test_clocks (
  organization_id text    primary key,
  livemode        boolean not null check (not livemode),
  offset_ms       bigint  not null check (offset_ms >= 0),
  -- The newest version heard of; older news does not move it back.
  version         integer not null
);
select works_protect('test_clocks');
