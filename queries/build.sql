-- name: ProjectInsert :exec
INSERT INTO projects (id, user_id) VALUES (@id, @user_id);

-- name: ProjectByIDForUpdate :one
-- Locks the project of a user, whatever changes it or starts a build in it waits.
-- The lock lets references to the project pass: a worker that writes twice to its
-- build in one transaction takes one, and has the build's lock then.
SELECT * FROM projects WHERE id = @id AND user_id = @user_id FOR NO KEY UPDATE;

-- name: ProjectByID :one
-- A project and the build that is active in it, if any.
SELECT p.*, b.id AS active_build_id
FROM projects p
LEFT JOIN builds b ON b.project_id = p.id AND b.state NOT IN ('complete', 'failed', 'cancelled') AND NOT b.waiting
WHERE p.id = @id AND p.user_id = @user_id;

-- name: ProjectAddVersion :one
-- Counts a new version. Holds the project's row, so that two versions never get
-- the same number.
UPDATE projects
SET version_count = version_count + 1,
    update_time = clock_timestamp()
WHERE id = @id
RETURNING version_count;

-- name: ProjectSetCurrent :exec
-- Makes a version the project's current one, and names the project after the
-- first.
UPDATE projects
SET current_version_id = @version_id,
    title = CASE WHEN title = '' THEN @title::text ELSE title END,
    update_time = clock_timestamp()
WHERE id = @id;

-- name: BuildInsert :one
INSERT INTO builds (
    id,
    build_session_id,
    request_hash,
    user_id,
    project_id,
    parent_build_id,
    operation,
    prompt,
    locale,
    answers,
    state,
    hold_id,
    held_seconds,
    waiting,
    free,
    recommendation_id
) VALUES (
    @id,
    @build_session_id,
    @request_hash,
    @user_id,
    @project_id,
    sqlc.narg('parent_build_id'),
    @operation,
    @prompt,
    @locale,
    @answers,
    'queued',
    @hold_id,
    @held_seconds,
    @waiting,
    @free,
    sqlc.narg('recommendation_id')
)
RETURNING *;

-- name: BuildBySession :one
-- The build of a session: the record of its idempotency. Index: builds_session.
SELECT * FROM builds WHERE user_id = @user_id AND build_session_id = @build_session_id;

-- name: BuildByID :one
SELECT * FROM builds WHERE id = @id AND user_id = @user_id;

-- name: BuildNewestOfProject :one
-- The newest build of a user's project. Index: builds_by_project.
SELECT * FROM builds
WHERE project_id = @project_id AND user_id = @user_id
ORDER BY id DESC
LIMIT 1;

-- name: BuildByIDForUpdate :one
-- Locks a user's build, everything that would happen to it waits.
SELECT * FROM builds WHERE id = @id AND user_id = @user_id FOR UPDATE;

-- name: BuildActiveOfProject :one
-- The active build of a project. Index: builds_active_project.
SELECT id FROM builds
WHERE project_id = @project_id AND state NOT IN ('complete', 'failed', 'cancelled') AND NOT waiting;

-- name: BuildList :many
-- A user's builds, the newest first, from before an id on, of one project or
-- all, all states or only active ones. Index: builds_by_user, builds_by_project.
SELECT * FROM builds
WHERE user_id = @user_id
  AND id < @before_id
  AND (sqlc.narg('project_id')::uuid IS NULL OR project_id = sqlc.narg('project_id'))
  AND (NOT @active_only::boolean OR state NOT IN ('complete', 'failed', 'cancelled'))
ORDER BY id DESC
LIMIT @page_size;

-- name: BuildLeaseTake :one
-- Takes the lease of a build that nobody works on: the token moves on, so that
-- whoever held it before can write nothing more. No row: over, held, or waiting
-- for another build.
UPDATE builds
SET lease_token = lease_token + 1,
    lease_expire_time = clock_timestamp() + interval '1 millisecond' * @ttl_ms::bigint,
    attempt = attempt + 1,
    start_time = coalesce(start_time, clock_timestamp())
WHERE id = @id
  AND state NOT IN ('complete', 'failed', 'cancelled')
  AND NOT waiting
  AND (lease_expire_time IS NULL OR lease_expire_time <= clock_timestamp())
RETURNING *;

-- name: BuildLeaseRenew :one
-- Renews a lease, also one that has just run out if nobody else took it, and
-- says whether the user wants the build to stop.
UPDATE builds
SET lease_expire_time = clock_timestamp() + interval '1 millisecond' * @ttl_ms::bigint
WHERE id = @id
  AND lease_token = @lease_token
  AND lease_expire_time IS NOT NULL
  AND state NOT IN ('complete', 'failed', 'cancelled')
RETURNING (cancel_request_time IS NOT NULL)::boolean AS cancel_requested;

-- name: BuildLeaseReturn :execrows
-- Gives a build back without having finished it, the attempt does not count.
UPDATE builds
SET lease_expire_time = NULL,
    lease_token = lease_token + 1,
    attempt = attempt - 1
WHERE id = @id
  AND lease_token = @lease_token
  AND state NOT IN ('complete', 'failed', 'cancelled');

-- name: BuildLeaseSweep :many
-- Builds whose worker is gone. Each is put back for the next worker, a build
-- that somebody is writing to is left for the next sweep. Index: builds_leased.
UPDATE builds
SET lease_expire_time = NULL
WHERE id IN (
    SELECT b.id FROM builds b
    WHERE b.lease_expire_time <= clock_timestamp()
    ORDER BY b.id
    LIMIT @batch_size
    FOR UPDATE SKIP LOCKED
)
RETURNING id;

-- name: BuildTransitionIfState :one
-- The guarded transition to a state that is not final. No row: the build is in
-- another state, or the lease is another's.
UPDATE builds
SET state = @to_state,
    phase_time = clock_timestamp(),
    fix_attempt = fix_attempt + CASE WHEN @to_state = 'fixing' THEN 1 ELSE 0 END
WHERE id = @id AND state = @from_state AND lease_token = @lease_token
RETURNING *;

-- name: BuildEndIfState :one
-- The guarded transition to a final state. The token moves on, so that whoever
-- still works on the build can write nothing more; the last event is appended
-- with the new one. No row: the build is in another state, the lease is
-- another's, or it would be complete though its user wants it to stop.
UPDATE builds
SET state = @to_state,
    progress_permille = CASE WHEN @to_state = 'complete' THEN 1000 ELSE progress_permille END,
    charged_seconds = @charged_seconds,
    held_seconds = 0,
    waiting = false,
    error_reason = sqlc.narg('error_reason'),
    error_class = sqlc.narg('error_class'),
    error_retryable = @error_retryable,
    lease_token = lease_token + 1,
    lease_expire_time = NULL,
    end_time = clock_timestamp()
WHERE id = @id
  AND state = @from_state
  AND lease_token = @lease_token
  AND (@to_state <> 'complete' OR cancel_request_time IS NULL)
RETURNING *;

-- name: BuildSetVersion :execrows
-- Notes the version that a build made.
UPDATE builds SET version_id = @version_id WHERE id = @id AND lease_token = @lease_token;

-- name: BuildSetHeld :execrows
-- Notes what is set aside for a running build, if the lease is still the worker's.
UPDATE builds
SET held_seconds = @held_seconds
WHERE id = @id
  AND lease_token = @lease_token
  AND state NOT IN ('complete', 'failed', 'cancelled');

-- name: BuildProgress :execrows
-- Progress, which never falls and stays below 1000 while the build runs.
UPDATE builds
SET progress_permille = greatest(progress_permille, least(@progress_permille::integer, 999)),
    step_index = @step_index,
    step_count = @step_count
WHERE id = @id
  AND lease_token = @lease_token
  AND state NOT IN ('queued', 'complete', 'failed', 'cancelled');

-- name: BuildCancelRequest :one
-- The user's wish that a build stops. It is kept until the worker obeys.
UPDATE builds
SET cancel_request_time = coalesce(cancel_request_time, clock_timestamp()),
    cancel_reason = CASE WHEN cancel_request_time IS NULL THEN @cancel_reason::text ELSE cancel_reason END
WHERE id = @id
RETURNING *;

-- name: BuildStepList :many
SELECT * FROM build_steps WHERE build_id = @build_id ORDER BY create_time LIMIT 200;

-- name: BuildStepInsert :execrows
-- Stores a finished step, if the lease is still the worker's.
INSERT INTO build_steps (build_id, step, result, active_us, cost_micros)
SELECT b.id, @step, @result, @active_us, @cost_micros
FROM builds b
WHERE b.id = @build_id AND b.lease_token = @lease_token
FOR UPDATE
ON CONFLICT (build_id, step) DO UPDATE
SET result = excluded.result,
    active_us = build_steps.active_us + excluded.active_us,
    cost_micros = build_steps.cost_micros + excluded.cost_micros;

-- name: BuildUsage :one
-- What a build has used: AI time, whole and of its plan, and providers' prices, also
-- of calls whose step a worker was lost in.
SELECT coalesce(sum(active_us), 0)::bigint AS active_us,
       coalesce(sum(active_us) FILTER (WHERE step = 'plan' OR step LIKE 'plan:%'), 0)::bigint AS planning_us,
       greatest(
           coalesce(sum(cost_micros), 0),
           (SELECT coalesce(sum(c.cost_micros), 0) FROM model_calls c WHERE c.build_id = @build_id)
       )::bigint AS cost_micros
FROM build_steps
WHERE build_id = @build_id;

-- name: BuildFileUpsert :execrows
-- Stores finished files, if the lease is still the worker's: no row otherwise.
INSERT INTO build_files (build_id, path, digest, size_bytes)
SELECT b.id, f.path, f.digest, f.size_bytes
FROM builds b,
     ROWS FROM (unnest(@paths::text[]), unnest(@digests::bytea[]), unnest(@sizes::bigint[])) AS f (path, digest, size_bytes)
WHERE b.id = @build_id AND b.lease_token = @lease_token
FOR UPDATE OF b
ON CONFLICT (build_id, path) DO UPDATE
SET digest = excluded.digest,
    size_bytes = excluded.size_bytes;

-- name: BuildFileList :many
SELECT * FROM build_files WHERE build_id = @build_id ORDER BY path LIMIT 501;

-- name: VersionInsert :one
INSERT INTO versions (
    id,
    project_id,
    build_id,
    number,
    root,
    parent_version_id,
    engine,
    file_count,
    size_bytes,
    interrupted
) VALUES (
    @id,
    @project_id,
    sqlc.narg('build_id'),
    @number,
    @root,
    sqlc.narg('parent_version_id'),
    @engine,
    @file_count,
    @size_bytes,
    @interrupted
)
RETURNING *;

-- name: VersionFileInsertOfBuild :execrows
-- Copies a build's finished files into its version.
INSERT INTO version_files (version_id, path, digest, size_bytes)
SELECT @version_id, f.path, f.digest, f.size_bytes
FROM build_files f
WHERE f.build_id = @build_id;

-- name: VersionByID :one
SELECT v.* FROM versions v
JOIN projects p ON p.id = v.project_id
WHERE v.id = @id AND p.user_id = @user_id;

-- name: VersionByBuild :one
-- The version of a build, if it made one yet. Index: versions_by_build.
SELECT * FROM versions WHERE build_id = @build_id;

-- name: VersionList :many
-- A project's versions, the newest first, from before an id on.
SELECT v.* FROM versions v
JOIN projects p ON p.id = v.project_id
WHERE v.project_id = @project_id AND p.user_id = @user_id AND v.id < @before_id
ORDER BY v.id DESC
LIMIT @page_size;

-- name: VersionFileList :many
-- A version's files after a path, ascending, without asking whose they are.
SELECT * FROM version_files
WHERE version_id = @version_id AND path > @after_path
ORDER BY path
LIMIT @page_size;

-- name: VersionFileByPath :one
-- One file of a version, without asking whose it is: the preview's host name is
-- the permission.
SELECT * FROM version_files WHERE version_id = @version_id AND path = @path;

-- name: BuildCancelRequested :many
-- Which of the builds that a node works on their users want to stop.
SELECT id FROM builds
WHERE id = ANY(@build_ids::uuid[]) AND cancel_request_time IS NOT NULL
LIMIT cardinality(@build_ids::uuid[]);
