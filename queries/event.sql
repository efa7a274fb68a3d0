-- name: EventAppend :one
-- Appends a batch to a build's log in one statement and returns the seq of its
-- last event and the time that all of them carry. The update locks the build's
-- row; a stale lease token or an unknown build returns no row.
WITH head AS (
    UPDATE builds
    SET head_seq = head_seq + cardinality(@kinds::smallint[])
    WHERE id = @build_id AND lease_token = @lease_token
    RETURNING head_seq, head_seq - cardinality(@kinds::smallint[]) AS base, clock_timestamp() AS now
), appended AS (
    INSERT INTO build_events (build_id, seq, class, kind, create_time, payload)
    SELECT @build_id, head.base + e.ordinal, e.class, e.kind, head.now, e.payload
    FROM head, ROWS FROM (unnest(@classes::smallint[]), unnest(@kinds::smallint[]), unnest(@payloads::bytea[]))
        WITH ORDINALITY AS e (class, kind, payload, ordinal)
)
SELECT head_seq, now::timestamptz AS create_time FROM head;

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
-- Whether a user may follow a build, how far it is, and whether it is over.
SELECT head_seq, (state IN ('complete', 'failed', 'cancelled'))::boolean AS final
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
