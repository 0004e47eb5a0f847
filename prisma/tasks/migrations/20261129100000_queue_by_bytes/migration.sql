-- Tasks that fall due at the same moment are in the order of their ids, which is that of their bytes, as in every other list of tasks.
drop index tasks_queue;
create index tasks_queue on tasks (organization_id, livemode, assignee_id, overdue_at, id collate "C") where status = 'open' and assignee_id is not null;
