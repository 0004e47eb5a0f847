-- Guarantees that each function means the same whoever calls it: pg_dump restores with an empty search_path, in which a function that names
-- others without their schema is an error, and the table whose generated column calls it comes back empty.
-- A search path of its own costs a call some microseconds and keeps a function in SQL from being put in place where it is called, so functions
-- that reach no table or are to be put in place name the schema in their body instead: the immutable ones, and those in SQL without settings.
-- `create or replace` forgets the settings of a function: a migration that makes or replaces one ends with a call of this.
create function works_pin_search_paths() returns void language plpgsql set search_path = public, pg_temp as $$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid from pg_proc p join pg_language l on l.oid = p.prolang
     where p.pronamespace = 'public'::regnamespace
       and (l.lanname = 'plpgsql' and p.provolatile <> 'i' or l.lanname = 'sql' and p.proconfig is not null)
       and not exists (select from unnest(p.proconfig) as setting where setting like 'search\_path=%')
       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
     order by 1
  loop
    execute format('alter function %s set search_path = public, pg_temp', v_function);
  end loop;
end $$;

select works_pin_search_paths();
