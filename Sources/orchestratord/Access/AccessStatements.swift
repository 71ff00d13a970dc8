import PostgreSQL

/// Every statement on the schema `access`.
enum AccessStatements {
  private static let accountColumns = """
    id, email, username, array_to_string(roles, ' '), token_generation, blocked_at is not null, created_at
    """

  static let addAccount = Statement(
    name: "access_add_account",
    sql: """
      insert into access.accounts (email, username, password_hash, roles) values ($1, $2, $3, $4)
      on conflict do nothing
      returning \(accountColumns)
      """,
    parameterTypes: [.text, .text, .text, .textArray])

  static let account = Statement(
    name: "access_account", sql: "select \(accountColumns) from access.accounts where id = $1", parameterTypes: [.uuid])

  /// By its email address or its user name.
  static let credentials = Statement(
    name: "access_credentials",
    sql: """
      select \(accountColumns), password_hash from access.accounts where lower(email) = lower($1) or lower(username) = lower($1)
      """,
    parameterTypes: [.text])

  static let accounts = Statement(
    name: "access_accounts",
    sql: """
      select \(accountColumns) from access.accounts
      where ($1::text is null or $1 = any(roles)) and ($2::timestamptz is null or (created_at, id) < ($2, $3))
      order by created_at desc, id desc limit $4
      """,
    parameterTypes: [.text, .timestamptz, .uuid, .int8])

  static let setRoles = Statement(
    name: "access_set_roles", sql: "update access.accounts set roles = $2 where id = $1 returning \(accountColumns)",
    parameterTypes: [.uuid, .textArray])

  /// Blocking ends the tokens too: they stay ended when the account is unblocked.
  static let setBlocked = Statement(
    name: "access_set_blocked",
    sql: """
      update access.accounts set blocked_at = case when $2 then coalesce(blocked_at, now()) end, token_generation = token_generation + 1
      where id = $1 returning \(accountColumns)
      """,
    parameterTypes: [.uuid, .bool])

  static let endSessions = Statement(
    name: "access_end_sessions",
    sql: "update access.accounts set token_generation = token_generation + 1 where id = $1 returning \(accountColumns)",
    parameterTypes: [.uuid])

  static let setPassword = Statement(
    name: "access_set_password",
    sql: """
      update access.accounts set password_hash = $2, token_generation = token_generation + 1 where id = $1 returning \(accountColumns)
      """,
    parameterTypes: [.uuid, .text])

  static let takeAttempt = Statement(
    name: "access_take_attempt", sql: "select access.take_attempt($1, $2, $3, $4)", parameterTypes: [.text, .text, .int4, .interval])

  static let forgetAttempts = Statement(
    name: "access_forget_attempts", sql: "delete from access.attempts where kind = $1 and subject = $2", parameterTypes: [.text, .text])

  static let returnAttempt = Statement(
    name: "access_return_attempt",
    sql: "update access.attempts set count = greatest(count - 1, 0) where kind = $1 and subject = $2", parameterTypes: [.text, .text])

  /// The first secret counts, whoever asks.
  static let offerTokenKey = Statement(
    name: "access_offer_token_key", sql: "insert into access.token_keys (secret) values ($1) on conflict do nothing",
    parameterTypes: [.text])

  static let tokenKey = Statement(name: "access_token_key", sql: "select secret from access.token_keys")

  private static let keyColumns = """
    id, name, prefix, array_to_string(roles, ' '), array_to_json(task_queues)::text, created_by, created_at, expires_at, revoked_at, last_used_at
    """

  static let addKey = Statement(
    name: "access_add_key",
    sql: """
      insert into access.api_keys (name, prefix, hash, roles, task_queues, created_by, expires_at)
      values ($1, $2, $3, $4, $5, $6, now() + $7)
      on conflict do nothing
      returning \(keyColumns)
      """,
    parameterTypes: [.text, .text, .bytea, .textArray, .textArray, .text, .interval])

  static let keys = Statement(
    name: "access_keys", sql: "select \(keyColumns) from access.api_keys order by created_at desc, id limit 1000")

  static let revokeKey = Statement(
    name: "access_revoke_key",
    sql: "update access.api_keys set revoked_at = coalesce(revoked_at, now()) where id = $1 returning \(keyColumns)",
    parameterTypes: [.uuid])

  /// A key that may be used now; when it was used last is noted to the minute.
  static let useKey = Statement(
    name: "access_use_key",
    sql: """
      with used as (
        update access.api_keys set last_used_at = now()
        where hash = $1 and revoked_at is null and (last_used_at is null or last_used_at < now() - interval '1 minute'))
      select \(keyColumns) from access.api_keys where hash = $1 and revoked_at is null and (expires_at is null or expires_at > now())
      """,
    parameterTypes: [.bytea])

  static let beginAction = Statement(
    name: "access_begin_action",
    sql: """
      insert into access.audit_log (actor, roles, action, target, address) values ($1, $2, $3, $4, $5) returning id
      """,
    parameterTypes: [.text, .textArray, .text, .text, .text])

  static let finishAction = Statement(
    name: "access_finish_action",
    sql: "update access.audit_log set status = $2, reason = $3, finished_at = now() where id = $1", parameterTypes: [.int8, .int4, .text])

  static let actions = Statement(
    name: "access_actions",
    sql: """
      select id, at, actor, array_to_string(roles, ' '), action, target, reason, address, status from access.audit_log
      where ($1::text is null or actor = $1) and ($2::text is null or target = $2) and ($3::int8 is null or id < $3)
      order by id desc limit $4
      """,
    parameterTypes: [.text, .text, .int8, .int8])

  private static let applicationColumns = "id, account_id, statement, status, reason, decided_by, created_at, decided_at"

  static let apply = Statement(
    name: "access_apply",
    sql: """
      insert into access.artist_applications (account_id, statement) values ($1, $2) on conflict do nothing returning \(applicationColumns)
      """,
    parameterTypes: [.uuid, .text])

  static let applications = Statement(
    name: "access_applications",
    sql: """
      select \(applicationColumns) from access.artist_applications
      where ($1::uuid is null or account_id = $1) and ($2::text is null or status = $2)
        and ($3::timestamptz is null or (created_at, id) > ($3, $4))
      order by created_at, id limit $5
      """,
    parameterTypes: [.uuid, .text, .timestamptz, .uuid, .int8])

  static let decide = Statement(
    name: "access_decide", sql: "select access.decide_application($1, $2, $3, $4)", parameterTypes: [.uuid, .text, .text, .text])

  static let beginRequest = Statement(
    name: "access_begin_request", sql: "select state, answer from access.begin_request($1, $2, $3)",
    parameterTypes: [.bytea, .bytea, .uuid])

  static let keepAnswer = Statement(
    name: "access_keep_answer", sql: "update access.idempotent_requests set answer = $3 where key_hash = $1 and attempt = $2",
    parameterTypes: [.bytea, .uuid, .bytea])

  static let forgetRequest = Statement(
    name: "access_forget_request", sql: "delete from access.idempotent_requests where key_hash = $1 and attempt = $2",
    parameterTypes: [.bytea, .uuid])
}
