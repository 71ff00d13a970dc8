-- Answers to requests that came with an Idempotency-Key, so that a repeated one does nothing and is answered alike.
create table access.idempotent_requests (
  key_hash bytea primary key check (octet_length(key_hash) = 32),
  fingerprint bytea not null check (octet_length(fingerprint) = 32),
  attempt uuid not null,
  begun_at timestamptz not null default now(),
  answer bytea check (octet_length(answer) <= 8388608)
);
create index idempotent_requests_by_age on access.idempotent_requests (begun_at);
comment on table access.idempotent_requests is
  'Requests with an Idempotency-Key of the last day; uploads have keys of their own in music.tracks.';
comment on column access.idempotent_requests.key_hash is 'SHA-256 of user, method, path and key: the key itself is nowhere.';
comment on column access.idempotent_requests.fingerprint is 'SHA-256 of query and body: the same key for something else is refused.';
comment on column access.idempotent_requests.attempt is 'Who answers it.';
comment on column access.idempotent_requests.begun_at is 'Since when; after five minutes without an answer another attempt may begin.';
comment on column access.idempotent_requests.answer is
  'Status, headers and body, encrypted under a key made of the Idempotency-Key; null while it is being answered.';

create function access.begin_request(
  p_key_hash bytea, p_fingerprint bytea, p_attempt uuid, out state text, out answer bytea
) language plpgsql as $$
declare
  v_fingerprint bytea;
begin
  delete from access.idempotent_requests where key_hash in (
    select r.key_hash from access.idempotent_requests r where r.begun_at < now() - interval '1 day'
    order by r.begun_at limit 10 for update skip locked);
  loop
    insert into access.idempotent_requests as r (key_hash, fingerprint, attempt) values (p_key_hash, p_fingerprint, p_attempt)
      on conflict (key_hash) do update set attempt = p_attempt, begun_at = now()
        where r.answer is null and r.fingerprint = p_fingerprint and r.begun_at < now() - interval '5 minutes';
    if found then
      state := 'begun';
      return;
    end if;
    select r.fingerprint, r.answer into v_fingerprint, answer from access.idempotent_requests r where r.key_hash = p_key_hash;
    -- Given up between the two statements: then it can be begun.
    continue when not found;
    state := case when v_fingerprint <> p_fingerprint then 'reused' when answer is null then 'in-flight' else 'answered' end;
    return;
  end loop;
end
$$;
comment on function access.begin_request(bytea, bytea, uuid) is
  'Whether a request with an Idempotency-Key is to be done (begun), is being done (in-flight), was done (answered), or was another one (reused).';
