-- name: RecommendationRevisionFirst :execrows
-- Asks for the first list of a build, or notes that there will be none. No row: there
-- is one already.
INSERT INTO recommendation_revisions (
    build_id,
    revision,
    state,
    deadline_time,
    end_time
) VALUES (
    @build_id,
    1,
    @state::text,
    clock_timestamp() + interval '1 millisecond' * @deadline_ms::bigint,
    CASE WHEN @state::text = 'skipped' THEN clock_timestamp() END
)
ON CONFLICT (build_id, revision) DO NOTHING;

-- name: RecommendationRevisionNext :exec
-- Asks for another list. The caller has the build's lock and has seen that none is in
-- the making.
INSERT INTO recommendation_revisions (
    build_id,
    revision,
    state,
    idempotency_key,
    deadline_time
) VALUES (
    @build_id,
    @revision,
    'queued',
    @idempotency_key,
    clock_timestamp() + interval '1 millisecond' * @deadline_ms::bigint
);

-- name: RecommendationRevisionJoin :exec
-- Has a list answer another key, unless it does. The caller has the build's lock.
UPDATE recommendation_revisions
SET joined_keys = joined_keys[greatest(cardinality(joined_keys) - 30, 1):] || @idempotency_key::text
WHERE build_id = @build_id
  AND revision = @revision
  AND @idempotency_key::text <> ALL (joined_keys);

-- name: RecommendationRevisionList :many
-- All lists of a user's build, the oldest first. Index: the primary key.
SELECT
    r.revision,
    r.state,
    r.idempotency_key,
    r.joined_keys,
    r.attempt,
    r.failure_reason,
    (r.deadline_time <= clock_timestamp())::boolean AS overdue
FROM recommendation_revisions r
JOIN builds b ON b.id = r.build_id
WHERE r.build_id = @build_id AND b.user_id = @user_id
ORDER BY r.revision
LIMIT @page_size;

-- name: RecommendationList :many
-- The entries of a list of a user's build, the best first.
SELECT r.* FROM recommendations r
JOIN builds b ON b.id = r.build_id
WHERE r.build_id = @build_id AND r.revision = @revision AND b.user_id = @user_id
ORDER BY r.position
LIMIT 6;

-- name: RecommendationWork :one
-- What a worker has to know to write a list that is not finished.
SELECT
    sqlc.embed(b),
    r.state,
    r.attempt,
    (extract(epoch FROM r.deadline_time - clock_timestamp()) * 1000)::bigint AS left_ms,
    p.current_version_id,
    s.result AS plan
FROM recommendation_revisions r
JOIN builds b ON b.id = r.build_id
JOIN projects p ON p.id = b.project_id
LEFT JOIN build_steps s ON s.build_id = b.id AND s.step = 'plan'
WHERE r.build_id = @build_id
  AND r.revision = @revision
  AND r.state IN ('queued', 'generating');

-- name: RecommendationAttemptBegin :one
-- Begins the attempt after the given one. No row: somebody else did, or the list is
-- finished or overdue.
UPDATE recommendation_revisions
SET state = 'generating',
    attempt = attempt + 1,
    attempt_time = clock_timestamp(),
    lease_expire_time = clock_timestamp() + interval '1 millisecond' * @lease_ms::bigint
WHERE build_id = @build_id
  AND revision = @revision
  AND attempt = @attempt
  AND state = 'queued'
  AND deadline_time > clock_timestamp()
RETURNING attempt;

-- name: RecommendationStore :one
-- Finishes a list with its entries and notes the attempt. No row: the attempt is not
-- the newest one any more, or the list is finished or overdue.
WITH list AS (
    UPDATE recommendation_revisions v
    SET state = 'ready',
        lease_expire_time = NULL,
        end_time = clock_timestamp()
    WHERE v.build_id = @build_id
      AND v.revision = @revision
      AND v.attempt = @attempt
      AND v.state = 'generating'
      AND v.deadline_time > clock_timestamp()
    RETURNING v.*
), noted AS (
    INSERT INTO recommendation_attempts (
        build_id, revision, attempt, outcome, engine, model, input_tokens, output_tokens, cost_micros, start_time
    )
    SELECT list.build_id, list.revision, list.attempt, 'ready',
           @engine, @model, @input_tokens, @output_tokens, @cost_micros, list.attempt_time
    FROM list
), entries AS (
    INSERT INTO recommendations (id, build_id, revision, position, kind, category, title, description, prompt)
    SELECT e.id, list.build_id, list.revision, e.position, e.kind, e.category, e.title, e.description, e.prompt
    FROM list,
         ROWS FROM (
             unnest(@ids::uuid[]), unnest(@kinds::text[]), unnest(@categories::text[]),
             unnest(@titles::text[]), unnest(@descriptions::text[]), unnest(@prompts::text[])
         ) WITH ORDINALITY AS e (id, kind, category, title, description, prompt, position)
)
SELECT extract(epoch FROM list.end_time - list.create_time)::float8 AS seconds FROM list;

-- name: RecommendationAttemptEnd :one
-- Ends an attempt that came to nothing, and the list with it unless it is queued
-- again; a list that nobody had begun has no attempt to note. No row: somebody else
-- was faster.
WITH list AS (
    UPDATE recommendation_revisions v
    SET state = @to_state::text,
        lease_expire_time = NULL,
        failure_reason = CASE WHEN @to_state::text = 'failed' THEN @outcome::text ELSE '' END,
        end_time = CASE WHEN @to_state::text = 'failed' THEN clock_timestamp() END
    WHERE v.build_id = @build_id
      AND v.revision = @revision
      AND v.attempt = @attempt
      AND v.state = @from_state::text
    RETURNING v.*
), noted AS (
    INSERT INTO recommendation_attempts (
        build_id, revision, attempt, outcome, retryable,
        engine, model, input_tokens, output_tokens, cost_micros, start_time
    )
    SELECT list.build_id, list.revision, list.attempt, @outcome::text, @retryable,
           @engine, @model, @input_tokens, @output_tokens, @cost_micros, list.attempt_time
    FROM list
    WHERE @from_state::text = 'generating'
)
SELECT revision FROM list;

-- name: RecommendationAttemptUsage :exec
-- Notes what an attempt cost whose end came before its answer.
UPDATE recommendation_attempts
SET engine = @engine,
    model = @model,
    input_tokens = @input_tokens,
    output_tokens = @output_tokens,
    cost_micros = @cost_micros
WHERE build_id = @build_id
  AND revision = @revision
  AND attempt = @attempt
  AND outcome <> 'ready';

-- name: RecommendationDueList :many
-- Lists that somebody has to look after: overdue, or their worker is gone. Index:
-- recommendation_revisions_due.
SELECT
    build_id,
    revision,
    attempt,
    state,
    (deadline_time <= clock_timestamp())::boolean AS overdue
FROM recommendation_revisions
WHERE state IN ('queued', 'generating')
  AND (deadline_time <= clock_timestamp() OR lease_expire_time <= clock_timestamp())
ORDER BY deadline_time
LIMIT @batch_size;

-- name: RecommendationBuildLock :one
-- Locks a build whose lists change, and says by what right its log is written to.
SELECT lease_token, state FROM builds WHERE id = @id FOR NO KEY UPDATE;

-- name: RecommendationPlan :one
-- The plan of a build, if there is one.
SELECT result FROM build_steps WHERE build_id = @build_id AND step = 'plan';
