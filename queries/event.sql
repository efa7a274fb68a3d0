-- name: EventAppend :one
-- Appends a batch to a build's log in one statement and returns the seq of its
-- last event and the time that all of them carry. The update locks the build's
-- row; a stale lease token or an unknown build returns no row. What the webhook
-- endpoints of the user want goes to the outbox, and the build remembers that there
-- are any.
WITH head AS (
    UPDATE builds b
    SET head_seq = b.head_seq + cardinality(@kinds::smallint[]),
        webhooks = b.webhooks OR EXISTS (
            SELECT FROM webhook_endpoints h
            WHERE h.user_id = b.user_id AND h.delete_time IS NULL AND h.disable_time IS NULL
        )
    WHERE b.id = @build_id AND b.lease_token = @lease_token
    RETURNING b.user_id, b.webhooks, b.head_seq, b.head_seq - cardinality(@kinds::smallint[]) AS base, clock_timestamp() AS now
), appended AS (
    INSERT INTO build_events (build_id, seq, class, kind, create_time, payload)
    SELECT @build_id, head.base + e.ordinal, e.class, e.kind, head.now, e.payload
    FROM head, ROWS FROM (unnest(@classes::smallint[]), unnest(@kinds::smallint[]), unnest(@payloads::bytea[]))
        WITH ORDINALITY AS e (class, kind, payload, ordinal)
), outbox AS (
    INSERT INTO webhook_deliveries (endpoint_id, build_id, seq, class, kind, create_time, payload, pending_since)
    SELECT w.id, @build_id, w.base + e.ordinal, e.class, e.kind, w.now, e.payload, w.now
    FROM (
        SELECT l.id, l.kinds, head.base, head.now
        FROM head
        CROSS JOIN LATERAL (
            SELECT h.id, h.kinds FROM webhook_endpoints h
            WHERE h.user_id = head.user_id AND h.delete_time IS NULL AND h.disable_time IS NULL
            LIMIT 10
        ) l
        WHERE head.webhooks
    ) w
    CROSS JOIN ROWS FROM (unnest(@classes::smallint[]), unnest(@kinds::smallint[]), unnest(@payloads::bytea[]))
        WITH ORDINALITY AS e (class, kind, payload, ordinal)
    WHERE e.kind = ANY (w.kinds)
    RETURNING endpoint_id, create_time
), woken AS (
    INSERT INTO webhook_lanes (endpoint_id, build_id, due_time)
    SELECT DISTINCT o.endpoint_id, @build_id::uuid, o.create_time FROM outbox o
    ON CONFLICT (endpoint_id, build_id) DO UPDATE
    SET wakes = webhook_lanes.wakes + 1,
        due_time = coalesce(webhook_lanes.due_time, excluded.due_time)
)
SELECT head_seq, now::timestamptz AS create_time FROM head;

-- name: EventAppendMany :many
-- Appends to the logs of many builds in one statement and says per build what
-- became of it. build_ids are in ascending order, the order in which the builds
-- are locked; one that somebody else holds, or that is not there, is left out of
-- the answer. The lease token must be the build's, the build must not be over,
-- and an expected seq other than 0 must be the next one. The events of a build
-- are those from first_events to last_events, counted from 1. head_seq is the
-- head before. There is one source of rows for all, and no join but by a key: the
-- plan does not depend on how many there are. Payloads are found in their array by
-- counting from its start, once per build; classes and kinds directly. The outbox
-- is filled as by EventAppend, but only for builds that are marked: a look for
-- endpoints per build would cost a fifth of what all the rest does.
WITH judged AS MATERIALIZED (
    -- A step of its own: the time is read after the lock.
    SELECT l.*, l.leased AND l.expected AS granted, clock_timestamp() AS now
    FROM (
        SELECT b.id, b.user_id, b.webhooks, b.head_seq, a.lane, a.first_event, a.last_event,
               b.lease_token = a.lease_token AND b.state NOT IN ('complete', 'failed', 'cancelled') AS leased,
               a.expected_seq IN (0, b.head_seq + 1) AS expected
        FROM ROWS FROM (
            unnest(@build_ids::uuid[]), unnest(@lease_tokens::bigint[]), unnest(@expected_seqs::bigint[]),
            unnest(@first_events::bigint[]), unnest(@last_events::bigint[])
        ) WITH ORDINALITY AS a (build_id, lease_token, expected_seq, first_event, last_event, lane)
        JOIN builds b ON b.id = a.build_id
        ORDER BY a.lane
        FOR NO KEY UPDATE OF b SKIP LOCKED
    ) l
), advanced AS (
    UPDATE builds b
    SET head_seq = j.head_seq + j.last_event - j.first_event + 1
    FROM judged j
    WHERE b.id = j.id AND j.granted
), appended AS (
    INSERT INTO build_events (build_id, seq, class, kind, create_time, payload)
    SELECT e.id, e.base + e.place, (@classes::smallint[])[e.place], (@kinds::smallint[])[e.place], e.now, e.payload
    FROM (
        SELECT j.id, j.head_seq + 1 - j.first_event AS base, j.now,
               generate_series(j.first_event, j.last_event) AS place,
               unnest((@payloads::bytea[])[j.first_event:j.last_event]) AS payload
        FROM judged j
        WHERE j.granted
    ) e
), outbox AS (
    INSERT INTO webhook_deliveries (endpoint_id, build_id, seq, class, kind, create_time, payload, pending_since)
    SELECT e.endpoint_id, e.id, e.base + e.place, (@classes::smallint[])[e.place], (@kinds::smallint[])[e.place], e.now, e.payload, e.now
    FROM (
        SELECT w.id AS endpoint_id, w.kinds AS wanted, j.id, j.head_seq + 1 - j.first_event AS base, j.now,
               generate_series(j.first_event, j.last_event) AS place,
               unnest((@payloads::bytea[])[j.first_event:j.last_event]) AS payload
        FROM judged j
        CROSS JOIN LATERAL (
            SELECT h.id, h.kinds FROM webhook_endpoints h
            WHERE h.user_id = j.user_id AND h.delete_time IS NULL AND h.disable_time IS NULL
            LIMIT 10
        ) w
        WHERE j.granted AND j.webhooks
    ) e
    WHERE (@kinds::smallint[])[e.place] = ANY (e.wanted)
    RETURNING endpoint_id, build_id, create_time
), woken AS (
    INSERT INTO webhook_lanes (endpoint_id, build_id, due_time)
    SELECT DISTINCT o.endpoint_id, o.build_id, o.create_time FROM outbox o
    ON CONFLICT (endpoint_id, build_id) DO UPDATE
    SET wakes = webhook_lanes.wakes + 1,
        due_time = coalesce(webhook_lanes.due_time, excluded.due_time)
)
SELECT lane::bigint AS lane, head_seq, now::timestamptz AS create_time,
       leased::boolean AS leased, granted::boolean AS granted
FROM judged
LIMIT cardinality(@build_ids::uuid[]);

-- name: EventLock :one
-- Locks a build for an append and tells what an append depends on.
SELECT head_seq, lease_token, progress_permille,
       (state NOT IN ('complete', 'failed', 'cancelled'))::boolean AS running
FROM builds
WHERE id = @build_id
FOR NO KEY UPDATE;

-- name: EventPage :many
-- A page of a build's log after a seq, ascending. Reads the primary key.
SELECT seq, class, kind, create_time, payload
FROM build_events
WHERE build_id = @build_id AND seq > @after_seq AND seq > 0
ORDER BY seq
LIMIT @page_size;

-- name: EventHeads :many
-- The newest seq of each of some builds: one read for all that a node follows.
SELECT id, head_seq
FROM builds
WHERE id = ANY(@build_ids::uuid[])
LIMIT cardinality(@build_ids::uuid[]);

-- name: EventBuild :one
-- Whether a user may follow a build, how far it is, whether it is over, and its
-- language.
SELECT head_seq, locale, (state IN ('complete', 'failed', 'cancelled'))::boolean AS final
FROM builds
WHERE id = @build_id AND user_id = @user_id;

-- name: EventFloor :one
-- The lowest seq that can be read; no row when nothing is there.
SELECT seq FROM build_events
WHERE build_id = @build_id AND seq > 0
ORDER BY seq
LIMIT 1;

-- name: EventClock :one
-- The database's clock, which decides what is old.
SELECT clock_timestamp()::timestamptz AS now;

-- name: EventInternalAppend :one
-- Stores an internal event below the ones that the build has. It takes no lock
-- on the build: no row means that somebody else took the same seq meanwhile.
INSERT INTO build_events (build_id, seq, class, kind, visibility, internal_kind, create_time, payload)
SELECT @build_id,
       coalesce((SELECT e.seq FROM build_events e WHERE e.build_id = @build_id AND e.seq < 0 ORDER BY e.seq LIMIT 1), 0) - 1,
       0,
       0,
       'internal',
       @internal_kind::text,
       clock_timestamp(),
       @payload
ON CONFLICT (build_id, seq) DO NOTHING
RETURNING seq;

-- name: EventInternalPage :many
-- A page of a build's internal events, the oldest first: their seqs count down.
-- Reads the primary key.
SELECT seq, coalesce(internal_kind, '')::text AS internal_kind, create_time, payload
FROM build_events
WHERE build_id = @build_id AND seq < @before_seq AND seq < 0
ORDER BY seq DESC
LIMIT @page_size;

-- name: EventBuildExists :one
-- Whether there is a build, whosever it is.
SELECT EXISTS (SELECT FROM builds WHERE id = @build_id)::boolean AS found;
