-- Who may no longer see what an endpoint is sent gets nothing more, from the transaction on that says so.
create function events.end_key_endpoints() returns trigger language plpgsql as $$
begin
  update events.webhook_endpoints set disabled_at = coalesce(disabled_at, now()), disabled_because = 'its key was revoked'
    where user_id = 'key:' || new.name;
  return null;
end
$$;
comment on function events.end_key_endpoints() is 'Disables the endpoints of a key that is revoked.';
create trigger api_keys_end_endpoints after update of revoked_at on access.api_keys
  for each row when (old.revoked_at is null and new.revoked_at is not null) execute function events.end_key_endpoints();

create function events.end_account_endpoints() returns trigger language plpgsql as $$
begin
  update events.webhook_endpoints
    set disabled_at = coalesce(disabled_at, now()),
      disabled_because = case when new.blocked_at is not null then 'its owner was blocked' else 'its owner may not see all events any more' end
    where user_id = new.id::text
      and (new.blocked_at is not null or (sees_all and not new.roles && '{admin,operator}'::text[]));
  return null;
end
$$;
comment on function events.end_account_endpoints() is
  'Disables the endpoints of an account that is blocked, and those for the events of all users when its roles do not permit them.';
create trigger accounts_end_endpoints after update of roles, blocked_at on access.accounts
  for each row when (new.blocked_at is not null or not new.roles && '{admin,operator}'::text[])
  execute function events.end_account_endpoints();
