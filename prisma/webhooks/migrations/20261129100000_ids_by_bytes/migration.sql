-- An id begins with its moment, so lists, walks and the weeks of event_log rely on ids sorting by their bytes. The collation of a database can be
-- another (in Danish AA comes after Z): what is compared says so itself, here once for every statement. event_log.id has said so before.
alter table webhook_endpoints alter column id type text collate "C";
alter table deliveries
  alter column id type text collate "C", alter column event_id type text collate "C", alter column endpoint_id type text collate "C";
alter table attempts
  alter column id type text collate "C", alter column delivery_id type text collate "C", alter column endpoint_id type text collate "C";
alter table replay_jobs alter column id type text collate "C", alter column endpoint_id type text collate "C";
alter table reconciled_sequences alter column endpoint_id type text collate "C";
