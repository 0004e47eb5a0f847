-- Handing a place over is about what waits and what is leased: it looks at the partition of that alone, as claims do.
do $$
begin
  execute regexp_replace(pg_get_functiondef('works_hand_over(text[], integer[], text, integer, integer)'::regprocedure), '\m(from|join|update) deliveries\M', '\1 deliveries_pending', 'g');
end $$;
