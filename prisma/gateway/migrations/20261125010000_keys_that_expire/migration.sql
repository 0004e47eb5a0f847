-- The same look-up, saying also when the key expires: a key of test mode does so by its organization's test clock, which may be ahead of this one.
drop function works_caller_of;
create function works_caller_of(p_hash text)
  returns table (key_id text, organization_id text, livemode boolean, scopes text[], time_zone text, expires_at timestamptz) language plpgsql as $$
declare
  v_key api_keys;
begin
  perform set_config('works.key_hash', p_hash, true);
  select k.* into v_key from api_keys k
   where k.hash = decode(p_hash, 'hex') and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());
  if not found then return; end if;
  perform set_config('works.organization_id', v_key.organization_id, true);
  return query select v_key.id, v_key.organization_id, v_key.livemode, v_key.scopes, o.time_zone, v_key.expires_at
                 from organizations o where o.id = v_key.organization_id;
end $$;
