import PostgreSQL

/// Every statement on the webhooks of the schema `events`; its functions add the deliveries.
enum WebhookStatements {
  private static let endpointColumns = """
    id, sees_all, url, description, array_to_json(event_types), previous_until, disabled_at, disabled_because, created_at, updated_at
    """

  private static let deliveryColumns = """
    id, number, endpoint_id, type, status, attempts, last_status, last_error, last_attempt_at, next_attempt_at, created_at
    """

  static let addEndpoint = Statement(
    name: "webhooks_add_endpoint",
    sql: """
      insert into events.webhook_endpoints (user_id, sees_all, url, description, event_types, secret)
      select $1, $2, $3, $4, $5, $6 where (select count(*) from events.webhook_endpoints where user_id = $1) < $7
      returning \(endpointColumns)
      """,
    parameterTypes: [.text, .bool, .text, .text, .textArray, .text, .int8])

  static let endpoints = Statement(
    name: "webhooks_endpoints",
    sql: "select \(endpointColumns) from events.webhook_endpoints where user_id = $1 order by created_at, id limit 1000",
    parameterTypes: [.text])

  static let endpoint = Statement(
    name: "webhooks_endpoint",
    sql: "select \(endpointColumns) from events.webhook_endpoints where id = $1 and user_id = $2", parameterTypes: [.uuid, .text])

  static let changeEndpoint = Statement(
    name: "webhooks_change_endpoint",
    sql: """
      update events.webhook_endpoints
      set url = $3, description = $4, event_types = $5, updated_at = now(),
        disabled_at = case when $6 then null else coalesce(disabled_at, now()) end,
        disabled_because = case when not $6 then disabled_because end
      where id = $1 and user_id = $2 returning \(endpointColumns)
      """,
    parameterTypes: [.uuid, .text, .text, .text, .textArray, .bool])

  static let removeEndpoint = Statement(
    name: "webhooks_remove_endpoint", sql: "delete from events.webhook_endpoints where id = $1 and user_id = $2",
    parameterTypes: [.uuid, .text])

  static let rotateSecret = Statement(
    name: "webhooks_rotate_secret",
    sql: """
      update events.webhook_endpoints set previous_secret = secret, previous_until = now() + $4, secret = $3, updated_at = now()
      where id = $1 and user_id = $2 returning \(endpointColumns)
      """,
    parameterTypes: [.uuid, .text, .text, .interval])

  static let deliveries = Statement(
    name: "webhooks_deliveries",
    sql: """
      select \(deliveryColumns) from events.webhook_deliveries
      where endpoint_id = $1 and ($2::text is null or status = $2) and ($3::int8 is null or number < $3)
      order by number desc limit $4
      """,
    parameterTypes: [.uuid, .text, .int8, .int8])

  static let delivery = Statement(
    name: "webhooks_delivery", sql: "select \(deliveryColumns) from events.webhook_deliveries where id = $1", parameterTypes: [.uuid])

  static let sendTest = Statement(
    name: "webhooks_send_test",
    sql: """
      select events.deliver($1, 'webhook.test', events.document('webhook.test', jsonb_build_object('endpointId', $1::uuid)))
      """,
    parameterTypes: [.uuid])

  static let replay = Statement(name: "webhooks_replay", sql: "select events.replay($1)", parameterTypes: [.uuid])

  static let replayFailed = Statement(
    name: "webhooks_replay_failed", sql: "select events.replay_failed($1, $2, $3, $4)",
    parameterTypes: [.uuid, .timestamptz, .timestamptz, .int4])

  static let parcel = Statement(
    name: "webhooks_parcel",
    sql: """
      select d.id, d.status, d.attempts, (extract(epoch from d.next_attempt_at - now()) * 1000)::int8, d.document, e.url,
        e.disabled_at is not null, e.secret, case when e.previous_until > now() then e.previous_secret end
      from events.webhook_deliveries d join events.webhook_endpoints e on e.id = d.endpoint_id where d.id = $1
      """,
    parameterTypes: [.uuid])

  /// An attempt that was recorded before changes nothing.
  static let record = Statement(
    name: "webhooks_record",
    sql: """
      with delivery as (
        update events.webhook_deliveries
        set attempts = $2, status = $3, last_status = $4, last_error = $5, last_attempt_at = now(), next_attempt_at = now() + $6
        where id = $1 and attempts < $2 and status = 'PENDING' returning endpoint_id)
      update events.webhook_endpoints e set disabled_at = coalesce(e.disabled_at, now()), disabled_because = $7
      from delivery d where e.id = d.endpoint_id and $7::text is not null
      """,
    parameterTypes: [.uuid, .int4, .text, .int4, .text, .interval, .text])

  static let forgetOldDeliveries = Statement(
    name: "webhooks_forget_old_deliveries",
    sql: """
      delete from events.webhook_deliveries where id in (
        select id from events.webhook_deliveries where created_at < now() - interval '30 days' and status <> 'PENDING'
        order by created_at limit 1000)
      """)
}
