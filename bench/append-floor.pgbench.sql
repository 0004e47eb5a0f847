\set n random(1, 9000000000000)
\set m random(1, 9000000000000)
select floor.append('org_bench', 'key_' || :n || '_' || :m, 'tsk_' || :n || '_' || :m, 0, 'task.created', '{"title":"Order the glass partitions","status":"open"}'::jsonb);
