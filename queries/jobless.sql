-- name: BuildUnleasedList :many
-- Builds that somebody should work on and nobody has the lease of: those among the
-- named ones, and the oldest. All are read before they are sorted: builds that are
-- over are no part of the index. Index: builds_active_project.
WITH unleased AS MATERIALIZED (
    SELECT b.id, b.create_time FROM builds b
    WHERE b.state NOT IN ('complete', 'failed', 'cancelled')
      AND NOT b.waiting
      AND b.lease_expire_time IS NULL
), oldest AS (
    SELECT u.id FROM unleased u
    WHERE u.create_time < clock_timestamp() - interval '1 millisecond' * @min_age_ms::bigint
    ORDER BY u.id
    LIMIT @batch_size
)
SELECT id FROM oldest
UNION
SELECT u.id FROM unleased u WHERE u.id = ANY(@build_ids::uuid[]);
