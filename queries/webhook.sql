-- name: WebhookUserLock :exec
-- Makes creations of endpoints wait for each other, those of one user.
SELECT pg_advisory_xact_lock(hashtextextended('webhook ' || sqlc.arg('user_id')::text, 0));

-- name: WebhookEndpointByKey :one
-- The endpoint that a key made: the record of its idempotency. Index:
-- webhook_endpoints_key.
SELECT * FROM webhook_endpoints
WHERE user_id = @user_id AND idempotency_key = @idempotency_key AND delete_time IS NULL;

-- name: WebhookEndpointCount :one
SELECT count(*) FROM webhook_endpoints WHERE user_id = @user_id AND delete_time IS NULL;

-- name: WebhookEndpointInsert :one
INSERT INTO webhook_endpoints (
    id,
    user_id,
    idempotency_key,
    request_hash,
    url,
    kinds
) VALUES (
    @id,
    @user_id,
    @idempotency_key,
    @request_hash,
    @url,
    @kinds
)
RETURNING *;

-- name: WebhookEndpointByID :one
SELECT * FROM webhook_endpoints WHERE id = @id AND user_id = @user_id AND delete_time IS NULL;

-- name: WebhookEndpointByIDForUpdate :one
-- Locks an endpoint of a user, so that its secrets change one after the other.
SELECT * FROM webhook_endpoints
WHERE id = @id AND user_id = @user_id AND delete_time IS NULL
FOR UPDATE;

-- name: WebhookEndpointList :many
-- The endpoints of a user, the newest first, from before an id on. Index:
-- webhook_endpoints_by_user.
SELECT * FROM webhook_endpoints
WHERE user_id = @user_id AND id < @before_id AND delete_time IS NULL
ORDER BY id DESC
LIMIT @page_size;

-- name: WebhookEndpointDelete :execrows
-- Marks an endpoint as deleted. Its lanes are left alone: those who append hold
-- them. Whoever claims one next puts it to rest.
UPDATE webhook_endpoints
SET delete_time = clock_timestamp()
WHERE id = @id AND user_id = @user_id AND delete_time IS NULL;

-- name: WebhookEndpointDisable :exec
-- Disables an endpoint and gives up all that waits for it. Its lanes are left
-- alone, as when it is deleted.
WITH disabled AS (
    UPDATE webhook_endpoints
    SET disable_time = @now,
        disable_reason = @reason
    WHERE webhook_endpoints.id = @id AND disable_time IS NULL
)
UPDATE webhook_deliveries
SET state = 'failed',
    last_error = CASE WHEN last_error = '' THEN 'endpoint_disabled' ELSE last_error END
WHERE webhook_deliveries.endpoint_id = @id AND state = 'pending';

-- name: WebhookEndpointEnable :one
-- Lets a disabled endpoint have what happens from now on.
UPDATE webhook_endpoints
SET disable_time = NULL,
    disable_reason = NULL,
    failing_since = NULL
WHERE id = @id AND user_id = @user_id AND delete_time IS NULL
RETURNING *;

-- name: WebhookEndpointFailed :one
-- Notes a failure, and says since when there were no others than failures.
UPDATE webhook_endpoints
SET failing_since = coalesce(failing_since, @now)
WHERE id = @id
RETURNING coalesce(failing_since, @now)::timestamptz AS failing_since;

-- name: WebhookEndpointSucceeded :exec
UPDATE webhook_endpoints SET failing_since = NULL WHERE id = @id AND failing_since IS NOT NULL;

-- name: WebhookBuildMark :exec
-- Marks the active builds of a user, so that their appends look for endpoints.
UPDATE builds
SET webhooks = true
WHERE id IN (
    SELECT b.id FROM builds b
    WHERE b.user_id = @user_id AND NOT b.webhooks AND b.state NOT IN ('complete', 'failed', 'cancelled')
    ORDER BY b.id
    FOR NO KEY UPDATE
);

-- name: WebhookSecretInsert :exec
INSERT INTO webhook_secrets (endpoint_id, secret) VALUES (@endpoint_id, @secret);

-- name: WebhookSecretExpire :exec
-- Lets the secrets that sign go on only until a time.
UPDATE webhook_secrets SET expire_time = @expire_time WHERE endpoint_id = @endpoint_id AND expire_time IS NULL;

-- name: WebhookSecretDrop :exec
-- Forgets those of an endpoint's secrets that sign no more, and all but the newest
-- so many.
DELETE FROM webhook_secrets s
WHERE s.endpoint_id = @endpoint_id
  AND (s.expire_time <= @now OR s.secret NOT IN (
      SELECT newest.secret FROM webhook_secrets newest
      WHERE newest.endpoint_id = @endpoint_id
      ORDER BY newest.create_time DESC
      LIMIT sqlc.arg('keep')
  ));

-- name: WebhookSecretClean :execrows
-- Forgets secrets that sign no more.
DELETE FROM webhook_secrets WHERE expire_time <= @now;

-- name: WebhookSecretList :many
-- The secrets that sign at a time, the newest first.
SELECT secret, create_time FROM webhook_secrets
WHERE endpoint_id = @endpoint_id AND (expire_time IS NULL OR expire_time > @now)
ORDER BY create_time DESC
LIMIT @at_most;

-- name: WebhookDeliveryList :many
-- The deliveries of an endpoint, the newest first, from before a number on. Index:
-- webhook_deliveries_by_endpoint.
SELECT d.id, d.number, d.endpoint_id, d.build_id, d.seq, d.kind, d.state, d.attempt_count, d.last_attempt_time,
       d.last_status, d.last_error, d.create_time, l.due_time
FROM webhook_deliveries d
JOIN webhook_endpoints e ON e.id = d.endpoint_id AND e.user_id = @user_id AND e.delete_time IS NULL
LEFT JOIN webhook_lanes l ON l.endpoint_id = d.endpoint_id AND l.build_id = d.build_id AND d.state = 'pending'
WHERE d.endpoint_id = @endpoint_id AND d.number < @before_number
ORDER BY d.number DESC
LIMIT @page_size;

-- name: WebhookDeliveryRedeliver :one
-- Makes a delivery of a user pending again and wakes its lane at once. No row: there
-- is none, or its endpoint is deleted or disabled.
WITH again AS (
    UPDATE webhook_deliveries d
    SET state = 'pending',
        pending_since = clock_timestamp(),
        retry_count = 0
    FROM webhook_endpoints e
    WHERE d.id = @id AND e.id = d.endpoint_id AND e.user_id = @user_id
      AND e.delete_time IS NULL AND e.disable_time IS NULL
    RETURNING d.id, d.number, d.endpoint_id, d.build_id, d.seq, d.kind, d.state, d.attempt_count, d.last_attempt_time,
              d.last_status, d.last_error, d.create_time
), woken AS (
    INSERT INTO webhook_lanes (endpoint_id, build_id, due_time)
    SELECT again.endpoint_id, again.build_id, clock_timestamp() FROM again
    ON CONFLICT (endpoint_id, build_id) DO UPDATE
    SET wakes = webhook_lanes.wakes + 1,
        due_time = excluded.due_time
    RETURNING due_time
)
SELECT again.*, woken.due_time FROM again, woken;

-- name: WebhookDeliveryEndpoint :one
-- The endpoint of a delivery of a user.
SELECT e.* FROM webhook_deliveries d
JOIN webhook_endpoints e ON e.id = d.endpoint_id
WHERE d.id = @id AND e.user_id = @user_id AND e.delete_time IS NULL;

-- name: WebhookLaneDue :one
-- Whether a lane is due that nobody has claimed, and since when the one has been
-- due that waits longest, claimed or not; now if none is. This is asked all the
-- time. Index: webhook_lanes_due.
SELECT EXISTS (
           SELECT FROM webhook_lanes l
           WHERE l.due_time <= @now AND (l.claim_expire_time IS NULL OR l.claim_expire_time <= @now)
       )::boolean AS due,
       coalesce((SELECT min(o.due_time) FROM webhook_lanes o WHERE o.due_time <= @now), @now)::timestamptz AS oldest;

-- name: WebhookLaneLock :one
-- Whether the transaction may claim lanes: one at a time, so that each counts what
-- the others have claimed.
SELECT pg_try_advisory_xact_lock(hashtextextended('webhook lanes', 0)) AS locked;

-- name: WebhookLaneClaim :many
-- Claims lanes that are due: at most so many at once per endpoint and per user, so
-- that those that hang leave room for others, and so many in all. An endpoint that
-- is gone counts for itself. Indexes: webhook_lanes_due, webhook_lanes_claimed.
WITH held AS (
    SELECT c.endpoint_id, coalesce(e.user_id, c.endpoint_id) AS owner
    FROM webhook_lanes c
    LEFT JOIN webhook_endpoints e ON e.id = c.endpoint_id
    WHERE c.claim_expire_time > @now
), of_endpoint AS (
    SELECT endpoint_id, count(*) AS claimed FROM held GROUP BY endpoint_id
), of_owner AS (
    SELECT owner, count(*) AS claimed FROM held GROUP BY owner
), ranked AS (
    SELECT l.endpoint_id, l.build_id, l.due_time, coalesce(e.user_id, l.endpoint_id) AS owner,
           row_number() OVER (PARTITION BY l.endpoint_id ORDER BY l.due_time, l.build_id) + coalesce(h.claimed, 0) AS place
    FROM webhook_lanes l
    LEFT JOIN webhook_endpoints e ON e.id = l.endpoint_id
    LEFT JOIN of_endpoint h ON h.endpoint_id = l.endpoint_id
    WHERE l.due_time <= @now AND (l.claim_expire_time IS NULL OR l.claim_expire_time <= @now)
), fair AS (
    SELECT r.endpoint_id, r.build_id, r.due_time,
           row_number() OVER (PARTITION BY r.owner ORDER BY r.place, r.due_time, r.build_id) + coalesce(h.claimed, 0) AS place
    FROM ranked r
    LEFT JOIN of_owner h ON h.owner = r.owner
    WHERE r.place <= sqlc.arg('per_endpoint')::bigint
), picked AS (
    SELECT l.endpoint_id, l.build_id
    FROM fair f
    JOIN webhook_lanes l ON l.endpoint_id = f.endpoint_id AND l.build_id = f.build_id
    WHERE f.place <= sqlc.arg('per_user')::bigint
      AND l.due_time <= @now AND (l.claim_expire_time IS NULL OR l.claim_expire_time <= @now)
    ORDER BY f.due_time
    LIMIT greatest(0, sqlc.arg('at_most')::bigint - (SELECT count(*) FROM held))
    FOR UPDATE OF l SKIP LOCKED
)
UPDATE webhook_lanes l
SET claim_token = l.claim_token + 1,
    claim_expire_time = @expire_time
FROM picked p
WHERE l.endpoint_id = p.endpoint_id AND l.build_id = p.build_id
RETURNING l.endpoint_id, l.build_id, l.claim_token;

-- name: WebhookLaneRenew :one
-- Holds on to a claim, and says how often the lane was woken. No row: somebody
-- else has it.
UPDATE webhook_lanes
SET claim_expire_time = @expire_time
WHERE endpoint_id = @endpoint_id AND build_id = @build_id AND claim_token = @claim_token
RETURNING wakes;

-- name: WebhookLaneRest :execrows
-- Gives back the claim on a lane that has nothing left to send. No row: it was
-- woken meanwhile, or somebody else has the claim.
UPDATE webhook_lanes
SET due_time = NULL,
    claim_expire_time = NULL
WHERE endpoint_id = @endpoint_id
  AND build_id = @build_id
  AND claim_token = @claim_token
  AND wakes = @wakes;

-- name: WebhookLanePause :exec
-- Gives back the claim on a lane whose first delivery is to be tried again later,
-- but at once if somebody asked for a redelivery since the attempt began.
UPDATE webhook_lanes
SET due_time = CASE WHEN due_time > @began THEN due_time ELSE @due_time END,
    claim_expire_time = NULL
WHERE endpoint_id = @endpoint_id AND build_id = @build_id AND claim_token = @claim_token;

-- name: WebhookLaneReturn :exec
-- Gives a claim back on a lane that stays due, behind those that are due already.
UPDATE webhook_lanes
SET due_time = clock_timestamp(),
    claim_expire_time = NULL
WHERE endpoint_id = @endpoint_id AND build_id = @build_id AND claim_token = @claim_token;

-- name: WebhookDeliveryNext :one
-- The first pending delivery of a lane, and where it goes. Index:
-- webhook_deliveries_pending.
SELECT d.*, e.url, e.failing_since,
       (e.delete_time IS NULL AND e.disable_time IS NULL)::boolean AS live,
       b.project_id
FROM webhook_deliveries d
JOIN webhook_endpoints e ON e.id = d.endpoint_id
JOIN builds b ON b.id = d.build_id
WHERE d.endpoint_id = @endpoint_id AND d.build_id = @build_id AND d.state = 'pending'
ORDER BY d.seq
LIMIT 1;

-- name: WebhookDeliveryTried :execrows
-- Notes how an attempt ended. Only the holder of the claim may.
UPDATE webhook_deliveries d
SET state = @state,
    attempt_count = d.attempt_count + 1,
    retry_count = d.retry_count + 1,
    last_attempt_time = @now,
    last_status = @last_status,
    last_error = @last_error
FROM webhook_lanes l
WHERE d.id = @id AND d.state = 'pending'
  AND l.endpoint_id = d.endpoint_id AND l.build_id = d.build_id AND l.claim_token = @claim_token;

-- name: WebhookLaneGiveUp :exec
-- Gives up the pending deliveries of a lane whose endpoint is deleted or disabled.
UPDATE webhook_deliveries
SET state = 'failed',
    last_error = 'endpoint_disabled'
WHERE endpoint_id = @endpoint_id AND build_id = @build_id AND state = 'pending';

-- name: WebhookDeliveryClean :execrows
-- Deletes deliveries from before a time that wait for nothing. Index:
-- webhook_deliveries_by_time.
DELETE FROM webhook_deliveries
WHERE id IN (
    SELECT d.id FROM webhook_deliveries d
    WHERE d.create_time < @before AND d.state <> 'pending'
    ORDER BY d.create_time
    LIMIT @at_most
);

-- name: WebhookDeliveryCleanDeleted :execrows
-- Deletes deliveries of deleted endpoints.
DELETE FROM webhook_deliveries
WHERE id IN (
    SELECT d.id FROM webhook_endpoints e
    JOIN webhook_deliveries d ON d.endpoint_id = e.id
    WHERE e.delete_time < @before
    LIMIT @at_most
);

-- name: WebhookLaneClean :execrows
-- Deletes lanes at rest that have no delivery left.
DELETE FROM webhook_lanes
WHERE (endpoint_id, build_id) IN (
    SELECT l.endpoint_id, l.build_id FROM webhook_lanes l
    WHERE l.due_time IS NULL AND l.claim_expire_time IS NULL
      AND NOT EXISTS (
          SELECT FROM webhook_deliveries d
          WHERE d.endpoint_id = l.endpoint_id AND d.build_id = l.build_id AND d.state = 'pending')
      AND NOT EXISTS (SELECT FROM builds b WHERE b.id = l.build_id AND b.state NOT IN ('complete', 'failed', 'cancelled'))
    LIMIT @at_most
    FOR UPDATE OF l SKIP LOCKED
);

-- name: WebhookEndpointClean :execrows
-- Deletes endpoints that were deleted before a time and have no delivery left.
DELETE FROM webhook_endpoints e
WHERE e.delete_time < @before
  AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = e.id);
