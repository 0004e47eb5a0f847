-- In test mode all that a milestone tells is by the clock of its organization, the next attempt too; jobs are due by the real time, as workers live by it.
create function invoice_due_at(v_organization_id text, v_livemode boolean, v_next_attempt_at text) returns timestamptz language sql stable as $$
  select v_next_attempt_at::timestamptz - make_interval(secs =>
    case when v_livemode then 0 else coalesce((select c.offset_ms from test_clocks c where c.organization_id = v_organization_id), 0)::float8 / 1000 end)
$$;

create or replace function invoice_follows_milestone() returns trigger language plpgsql as $$
declare
  v_invoice jsonb   := new.state->'invoice';
  v_number  integer := (v_invoice->>'number')::integer;
  v_next    text    := v_invoice->>'next_attempt_at';
  v_due_at  timestamptz := invoice_due_at(new.organization_id, new.livemode, v_next);
begin
  if v_invoice->>'status' = 'pending' or v_next is not null then
    insert into invoice_drafts as job (event_id, organization_id, livemode, milestone_id, number, due_at)
      select reached.id, new.organization_id, new.livemode, new.id, v_number, coalesce(v_due_at, now())
        from (select e.id from events e where e.stream_id = new.id and e.type = 'milestone.reached' order by e.version desc limit 1) as reached
    on conflict (milestone_id, number) do update
      -- Somebody who asks again may have corrected the contact; an attempt that is repeated by itself repeats the body.
      set due_at = excluded.due_at, contact_id = case when v_next is null then null else job.contact_id end;
  elsif v_invoice->>'status' = 'void' then
    -- What a worker has in hand is its own to end: it may come back with a draft that has to be told of.
    delete from invoice_drafts where milestone_id = new.id and number = v_number and lease_token is null;
  end if;
  return null;
end $$;

-- When a clock moves, the waits of its organization end that much sooner.
create index invoice_drafts_in_test on invoice_drafts (organization_id) where not livemode;
