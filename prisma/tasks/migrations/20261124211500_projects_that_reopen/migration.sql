-- A project that was closed and reopened still says from when on its earlier tasks are cancelled: its plan may be heard of only after both.
alter table project_references drop constraint project_references_check;

-- Version 0: so far only milestones of the project have been heard of, and nothing may refer to it yet.
comment on column project_references.version is 'The newest project version heard of; 0 when the project itself has not been heard of.';
