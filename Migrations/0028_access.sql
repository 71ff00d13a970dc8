-- Who may do what: accounts, keys of other programs, attempts that are counted, and the log of what admins and operators did.
create schema access;
comment on schema access is 'Accounts, keys, counted attempts, and the audit log.';

create table access.accounts (
  id uuid primary key default gen_random_uuid(),
  email text not null check (octet_length(email) between 3 and 254),
  username text not null check (octet_length(username) between 3 and 40),
  password_hash text not null check (octet_length(password_hash) = 60),
  roles text[] not null default '{listener}' check (roles <@ '{listener,artist,admin,operator}'),
  token_generation integer not null default 1,
  blocked_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index accounts_email on access.accounts (lower(email));
create unique index accounts_username on access.accounts (lower(username));
create index accounts_newest on access.accounts (created_at desc, id desc);
comment on table access.accounts is 'People who log in here.';
comment on column access.accounts.id is 'Names the user everywhere: tracks, histories, tokens.';
comment on column access.accounts.email is 'Unique without case.';
comment on column access.accounts.username is 'Unique without case; may stand for the email address at the log-in.';
comment on column access.accounts.password_hash is 'bcrypt with 10 rounds.';
comment on column access.accounts.roles is 'Read at every request: a change counts at once.';
comment on column access.accounts.token_generation is 'Tokens of an earlier generation are refused.';
comment on column access.accounts.blocked_at is 'Since when nobody gets in; null for an account in use.';
comment on column access.accounts.created_at is 'When it was made.';

create table access.api_keys (
  id uuid primary key default gen_random_uuid(),
  name text not null check (octet_length(name) between 1 and 100),
  prefix text not null,
  hash bytea not null unique check (octet_length(hash) = 32),
  roles text[] not null check (roles <@ '{service,worker,operator}' and cardinality(roles) > 0),
  task_queues text[] check (cardinality(task_queues) between 1 and 100),
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
) with (fillfactor = 80);
create unique index api_keys_name on access.api_keys (lower(name)) where revoked_at is null;
comment on table access.api_keys is 'Keys of other programs and of workers.';
comment on column access.api_keys.id is 'Names the key where it is revoked.';
comment on column access.api_keys.name is 'Who uses it, for people and histories; unique among keys that are not revoked.';
comment on column access.api_keys.prefix is 'How the key begins, to be told from others; not enough to use it.';
comment on column access.api_keys.hash is 'SHA-256 of the key, which has 32 random bytes.';
comment on column access.api_keys.roles is 'What it may do.';
comment on column access.api_keys.task_queues is 'Of which queues it may take tasks; null for all.';
comment on column access.api_keys.created_by is 'The admin who made it.';
comment on column access.api_keys.created_at is 'When it was made.';
comment on column access.api_keys.expires_at is 'When it ends by itself; null for never.';
comment on column access.api_keys.revoked_at is 'Since when it is refused.';
comment on column access.api_keys.last_used_at is 'To the minute; null while it never was.';

create table access.token_keys (
  id smallint primary key default 1 check (id = 1),
  secret text not null,
  created_at timestamptz not null default now()
);
comment on table access.token_keys is 'The secret that tokens are signed with where the configuration names none: one row, made by the first process.';
comment on column access.token_keys.id is 'One.';
comment on column access.token_keys.secret is 'Random.';
comment on column access.token_keys.created_at is 'When it was made.';

-- Log-ins and registrations are counted where every process sees them, before the password is looked at: many at once gain nothing.
create table access.attempts (
  kind text not null,
  subject text not null check (octet_length(subject) <= 300),
  count integer not null,
  ends_at timestamptz not null,
  primary key (kind, subject)
) with (fillfactor = 60);
create index attempts_by_end on access.attempts (ends_at);
comment on table access.attempts is 'How often something was tried in a span of time.';
comment on column access.attempts.kind is 'What is tried.';
comment on column access.attempts.subject is 'The account or the address.';
comment on column access.attempts.count is 'How often in this span.';
comment on column access.attempts.ends_at is 'The end of the span; rows behind it go with later attempts.';

create function access.take_attempt(p_kind text, p_subject text, p_limit integer, p_span interval) returns integer language plpgsql as $$
declare
  v_count integer;
  v_ends_at timestamptz;
begin
  delete from access.attempts where (kind, subject) in (
    select kind, subject from access.attempts where ends_at < now() order by ends_at limit 10 for update skip locked);
  insert into access.attempts as a (kind, subject, count, ends_at) values (p_kind, p_subject, 1, now() + p_span)
    on conflict (kind, subject) do update set
      count = case when a.ends_at <= now() then 1 else least(a.count, p_limit) + 1 end,
      ends_at = case when a.ends_at <= now() then now() + p_span else a.ends_at end
    returning count, ends_at into v_count, v_ends_at;
  return case when v_count <= p_limit then 0 else greatest(1, ceil(extract(epoch from v_ends_at - now())))::integer end;
end
$$;
comment on function access.take_attempt(text, text, integer, interval) is
  'Counts an attempt; the seconds to wait when there were too many, else 0.';

create table access.audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  actor text not null,
  roles text[] not null,
  action text not null,
  target text not null,
  reason text check (char_length(reason) <= 2000),
  address text,
  status integer,
  finished_at timestamptz
);
create index audit_log_of_actor on access.audit_log (actor, id desc);
create index audit_log_of_target on access.audit_log (target, id desc);
comment on table access.audit_log is
  'Every action of admins and operators: written before it is done, completed with its outcome. Rows are kept 90 days at least.';
comment on column access.audit_log.id is 'Order of the actions.';
comment on column access.audit_log.at is 'When it began.';
comment on column access.audit_log.actor is 'Who: the user, or local:<name> for the command line.';
comment on column access.audit_log.roles is 'The roles that the actor had.';
comment on column access.audit_log.action is 'What: the method of the request, or the command.';
comment on column access.audit_log.target is 'To what: the path of the request, or what the command named.';
comment on column access.audit_log.reason is 'Why, as far as it was said.';
comment on column access.audit_log.address is 'From where.';
comment on column access.audit_log.status is 'The status it was answered with; null while it runs, or when the process ended meanwhile.';
comment on column access.audit_log.finished_at is 'When it was answered.';

create function access.keep_audit_log() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    if old.at > now() - interval '90 days' then
      raise exception 'the audit log keeps its rows for 90 days' using errcode = 'AC004';
    end if;
    return old;
  end if;
  if old.finished_at is not null
    or (new.id, new.at, new.actor, new.roles, new.action, new.target) is distinct from (old.id, old.at, old.actor, old.roles, old.action, old.target)
  then
    raise exception 'the audit log cannot be changed' using errcode = 'AC004';
  end if;
  return new;
end
$$;
comment on function access.keep_audit_log() is 'Lets an action be completed once, and nothing else be changed, with SQLSTATE AC004.';

create trigger audit_log_is_kept before update or delete on access.audit_log
  for each row execute function access.keep_audit_log();

create table access.artist_applications (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null references access.accounts (id) on delete cascade,
  statement text check (char_length(statement) <= 2000),
  status text not null default 'PENDING' check (status in ('PENDING', 'APPROVED', 'REJECTED')),
  reason text check (char_length(reason) <= 2000),
  decided_by text,
  created_at timestamptz not null default now(),
  decided_at timestamptz
);
create unique index artist_applications_open on access.artist_applications (account_id) where status = 'PENDING';
create index artist_applications_by_status on access.artist_applications (status, created_at, id);
comment on table access.artist_applications is 'Listeners who want to be artists; one that waits for each account.';
comment on column access.artist_applications.id is 'Names the application.';
comment on column access.artist_applications.account_id is 'Who applies.';
comment on column access.artist_applications.statement is 'What the applicant says.';
comment on column access.artist_applications.status is 'PENDING until an admin decides.';
comment on column access.artist_applications.reason is 'Why it was decided so, for the applicant.';
comment on column access.artist_applications.decided_by is 'The admin who decided.';
comment on column access.artist_applications.created_at is 'When it was sent.';
comment on column access.artist_applications.decided_at is 'When it was decided.';

alter table music.notifications alter column track_id drop not null;
alter table music.notifications drop constraint notifications_kind_check;
alter table music.notifications add constraint notifications_kind_check check (kind in ('status', 'lyrics', 'application'));
comment on column music.notifications.track_id is 'About which track; null for what is about the user.';
comment on column music.notifications.kind is 'What changed: a track''s status, that of its lyrics, or an application to be an artist.';

create function access.decide_application(p_id uuid, p_status text, p_reason text, p_decided_by text) returns text language plpgsql as $$
declare
  v_application access.artist_applications;
begin
  select * into v_application from access.artist_applications where id = p_id for update;
  if not found then
    raise exception 'there is no application %', p_id using errcode = 'AC001';
  end if;
  if v_application.status = p_status then
    return p_status;
  end if;
  if v_application.status <> 'PENDING' then
    raise exception 'application % was decided already: %', p_id, v_application.status using errcode = 'AC002';
  end if;
  update access.artist_applications set status = p_status, reason = p_reason, decided_by = p_decided_by, decided_at = now() where id = p_id;
  if p_status = 'APPROVED' then
    update access.accounts set roles = roles || '{artist}'::text[] where id = v_application.account_id and not 'artist' = any(roles);
  end if;
  insert into music.notifications (artist_id, kind, status, message, request_key)
    values (
      v_application.account_id::text, 'application', p_status,
      'Your application to be an artist was ' || lower(p_status) || '.' || coalesce(' ' || p_reason, ''), 'application/' || p_id);
  return p_status;
end
$$;
comment on function access.decide_application(uuid, text, text, text) is
  'Decides once and tells the applicant; approval gives the role. SQLSTATE AC001: there is none, AC002: it was decided otherwise.';
