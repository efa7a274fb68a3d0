-- name: ProjectList :many
-- A user's projects, the newest first, from before an id on, each with the oldest
-- of its builds that are not over. Index: projects_by_user.
SELECT p.*, b.id AS active_build_id
FROM projects p
LEFT JOIN builds b ON b.id = (
    SELECT a.id FROM builds a
    WHERE a.project_id = p.id AND a.state NOT IN ('complete', 'failed', 'cancelled')
    ORDER BY a.waiting, a.id
    LIMIT 1
)
WHERE p.user_id = @user_id AND p.id < @before_id
ORDER BY p.id DESC
LIMIT @page_size;

-- name: VersionFileInsertOfVersion :execrows
-- Copies a version's files into another one.
INSERT INTO version_files (version_id, path, digest, size_bytes)
SELECT @version_id, f.path, f.digest, f.size_bytes
FROM version_files f
WHERE f.version_id = @from_version_id;

-- name: VersionSetCurrent :exec
-- Makes a version its project's current one. The caller has the project's lock.
UPDATE projects
SET current_version_id = @version_id,
    update_time = clock_timestamp()
WHERE id = @project_id;

-- name: CallKeyByKey :one
SELECT * FROM call_keys
WHERE user_id = @user_id AND procedure = @procedure AND key = @key;

-- name: CallKeyInsert :exec
-- Notes what a key was answered with. It fails on call_keys_once for a key that
-- another project's call took at the same time.
INSERT INTO call_keys (user_id, procedure, key, request_hash, result_id)
VALUES (@user_id, @procedure, @key, @request_hash, @result_id);
