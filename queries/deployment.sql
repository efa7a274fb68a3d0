-- name: DeploymentInsert :one
-- The caller has the project's lock: it orders the deployments.
INSERT INTO deployments (id, project_id, version_id, root, target, state, url, attempt, end_time)
VALUES (
    @id,
    @project_id,
    @version_id,
    @root,
    @target,
    CASE WHEN @url::text = '' THEN 'pending' ELSE 'deployed' END,
    @url,
    CASE WHEN @url::text = '' THEN 0 ELSE 1 END,
    CASE WHEN @url::text = '' THEN NULL ELSE clock_timestamp() END
)
RETURNING *;

-- name: DeploymentByID :one
SELECT d.* FROM deployments d
JOIN projects p ON p.id = d.project_id
WHERE d.id = @id AND p.user_id = @user_id;

-- name: DeploymentList :many
-- A project's deployments, the newest first, from before one on. Index:
-- deployments_by_project.
SELECT d.* FROM deployments d
JOIN projects p ON p.id = d.project_id
WHERE d.project_id = @project_id AND p.user_id = @user_id AND d.seq < @before_seq
ORDER BY d.seq DESC
LIMIT @page_size;

-- name: DeploymentLockProject :one
-- Locks the project of a deployment: only after that is there a newest one.
SELECT p.id, p.user_id FROM projects p
WHERE p.id = (SELECT d.project_id FROM deployments d WHERE d.id = @id)
FOR UPDATE;

-- name: DeploymentForWork :one
-- What a worker that has the project's lock needs to know of a deployment:
-- whether its turn has come. Index: deployments_by_target.
SELECT sqlc.embed(d),
       EXISTS (
           SELECT 1 FROM deployments n
           WHERE n.project_id = d.project_id AND n.target = d.target AND n.seq > d.seq
       ) AS superseded,
       EXISTS (
           SELECT 1 FROM deployments o
           WHERE o.project_id = d.project_id AND o.target = d.target AND o.lease_expire_time > clock_timestamp()
       ) AS busy
FROM deployments d
WHERE d.id = @id;

-- name: DeploymentLeaseTake :one
UPDATE deployments
SET lease_token = lease_token + 1,
    lease_expire_time = clock_timestamp() + interval '1 millisecond' * @ttl_ms::bigint,
    attempt = attempt + 1
WHERE id = @id AND state = 'pending'
RETURNING *;

-- name: DeploymentLeaseReturn :execrows
-- Gives a deployment back that was not finished; the attempt does not count.
UPDATE deployments
SET lease_expire_time = NULL,
    attempt = attempt - 1
WHERE id = @id AND state = 'pending' AND lease_token = @lease_token;

-- name: DeploymentFinish :execrows
-- Ends a deployment that is online. No row: the lease is another's.
UPDATE deployments
SET state = 'deployed',
    url = @url,
    error_reason = NULL,
    error_retryable = false,
    lease_expire_time = NULL,
    end_time = clock_timestamp()
WHERE id = @id AND state = 'pending' AND lease_token = @lease_token;

-- name: DeploymentFail :execrows
-- Notes why an attempt failed, and gives the deployment up if it was the last
-- one. No row: the lease is another's.
UPDATE deployments
SET state = CASE WHEN @last::boolean THEN 'failed' ELSE 'pending' END,
    error_reason = @error_reason::text,
    error_retryable = @error_retryable,
    lease_expire_time = NULL,
    end_time = CASE WHEN @last::boolean THEN clock_timestamp() END
WHERE id = @id AND state = 'pending' AND lease_token = @lease_token;

-- name: DeployedVersion :one
-- The version that a project's newest finished deployment on a target pins,
-- without asking whose it is: the site's host name is the permission. No row if
-- the version is not what was deployed. Index: deployments_by_target.
SELECT v.id
FROM (
    SELECT d.version_id, d.root FROM deployments d
    WHERE d.project_id = @project_id AND d.target = @target AND d.state = 'deployed'
    ORDER BY d.seq DESC
    LIMIT 1
) newest
JOIN versions v ON v.id = newest.version_id AND v.root = newest.root;
