-- name: ProjectLock :exec
-- Locks a project: what ends, starts or releases a build in it waits.
SELECT id FROM projects WHERE id = @id FOR NO KEY UPDATE;

-- name: BuildUnfinishedList :many
-- The builds of a project that are not over, active or waiting, the oldest first.
-- The caller has the project's lock. Index: builds_by_project.
SELECT id, locale FROM builds
WHERE project_id = @project_id AND state NOT IN ('complete', 'failed', 'cancelled')
ORDER BY id
LIMIT @page_size;

-- name: BuildWaitingCount :one
-- How many builds wait in a project. Index: builds_waiting.
SELECT count(*) FROM builds WHERE project_id = @project_id AND waiting;

-- name: BuildWaitingRelease :one
-- Makes the oldest waiting build of a project its active one, if there is none.
-- The caller has the project's lock. Indexes: builds_waiting, builds_active_project.
UPDATE builds
SET waiting = false
WHERE id = (
    SELECT w.id FROM builds w
    WHERE w.project_id = @project_id AND w.waiting
    ORDER BY w.id
    LIMIT 1
)
  AND NOT EXISTS (
    SELECT FROM builds a
    WHERE a.project_id = @project_id
      AND a.state NOT IN ('complete', 'failed', 'cancelled')
      AND NOT a.waiting
)
RETURNING *;

-- name: ProjectForgottenList :many
-- Projects in which builds wait though none is active. Index: builds_waiting.
SELECT DISTINCT w.project_id FROM builds w
WHERE w.waiting
  AND NOT EXISTS (
    SELECT FROM builds a
    WHERE a.project_id = w.project_id
      AND a.state NOT IN ('complete', 'failed', 'cancelled')
      AND NOT a.waiting
)
ORDER BY w.project_id
LIMIT @batch_size;

-- name: BuildFreeRetryExists :one
-- Whether a build was repeated free of charge before. Index: builds_free_retry.
SELECT EXISTS (SELECT FROM builds WHERE parent_build_id = @parent_build_id AND free)::boolean AS found;

-- name: BuildIsOutdated :one
-- Whether the site that a build changes was changed after a worker took it: what
-- it planned and wrote then no longer fits. A build that makes a site anew never is.
SELECT (b.operation = 'update' AND (v.create_time > b.start_time) IS TRUE)::boolean AS outdated
FROM builds b
JOIN projects p ON p.id = b.project_id
LEFT JOIN versions v ON v.id = p.current_version_id
WHERE b.id = @id;

-- name: BuildPlanCopy :execrows
-- Gives a build the plan of another one. The time that it took is not counted again.
INSERT INTO build_steps (build_id, step, result)
SELECT @build_id, s.step, s.result
FROM build_steps s
WHERE s.build_id = @parent_build_id AND s.step = 'plan';

-- name: BuildFileCopy :execrows
-- Gives a build the finished files of another one. It locks them, so that they are
-- not forgotten before the new ones are there: in between, nothing would keep their
-- contents from being deleted.
INSERT INTO build_files (build_id, path, digest, size_bytes)
SELECT @build_id, f.path, f.digest, f.size_bytes
FROM build_files f
WHERE f.build_id = @parent_build_id
FOR KEY SHARE;
