-- The invoices that SK Billing is still to be asked for: jobs, not aggregates. A row is there as long as there is something to do, so that the table
-- stays small whatever its statistics say; what came of it is in the milestone's events.
create table invoice_drafts (
  -- Of the milestone.reached that bills. SK Billing gets it as the Idempotency-Key, which is why nothing is drafted twice.
  event_id        text        primary key,
  organization_id text        not null,
  livemode        boolean     not null,
  milestone_id    text        not null,
  number          integer     not null check (number > 0),
  -- The project's at the first attempt since the invoice was last asked for: the same key must come with the same body.
  contact_id      text,
  -- When it may be claimed: the next attempt, or the end of the lease of the worker that has it.
  due_at          timestamptz not null,
  -- The fencing token of the worker that has it, or had it last.
  lease_token     text,
  constraint invoice_drafts_of_milestone unique (milestone_id, number)
);
select works_protect('invoice_drafts');
select works_open_to_worker('invoice_drafts');
create index invoice_drafts_due on invoice_drafts (due_at);

-- Guarantees that no reaching that bills is forgotten, on whatever way it came about: the milestone's document, and the job that follows from it,
-- are written in one transaction, with the event. A rebuild that mends a document mends the job too.
create function invoice_follows_milestone() returns trigger language plpgsql as $$
declare
  v_invoice jsonb   := new.state->'invoice';
  v_number  integer := (v_invoice->>'number')::integer;
  v_next    text    := v_invoice->>'next_attempt_at';
begin
  if v_invoice->>'status' = 'pending' or v_next is not null then
    insert into invoice_drafts as job (event_id, organization_id, livemode, milestone_id, number, due_at)
      select reached.id, new.organization_id, new.livemode, new.id, v_number, coalesce(v_next::timestamptz, now())
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
create trigger invoice_drafts_follow_new_milestones after insert on milestones
  for each row when (new.state ? 'invoice') execute function invoice_follows_milestone();
create trigger invoice_drafts_follow_milestones after update on milestones
  for each row when (new.state->'invoice' is distinct from old.state->'invoice') execute function invoice_follows_milestone();

-- Billing goes on after a project is closed: what changes of a milestone's invoice alone is no change of the delivery.
create or replace function refuse_milestone_of_closed_project() returns trigger language plpgsql as $$
declare
  v_status text;
begin
  if current_setting('works.rebuilding', true) = 'true' then
    return null;
  end if;
  if tg_op = 'UPDATE' and new.state - array['invoice', 'updated_at'] = old.state - array['invoice', 'updated_at'] then
    return null;
  end if;
  select status into v_status from projects where id = new.project_id for share;
  perform decide_again_unless(v_status is distinct from 'closed');
  return null;
end $$;
