-- name: BuildSetBase :one
-- Settles which version an update changes: the project's current one, if none was
-- settled before. No row: the lease is another's.
UPDATE builds b
SET base_version_id = coalesce(b.base_version_id, p.current_version_id)
FROM projects p
WHERE b.id = @id
  AND b.lease_token = @lease_token
  AND p.id = b.project_id
RETURNING b.base_version_id;

-- name: BuildFileInsertOfBase :execrows
-- Gives an update the files of its base that it neither wrote itself nor drops,
-- if the lease is still the worker's: no row otherwise, nor if it has them already.
INSERT INTO build_files (build_id, path, digest, size_bytes)
SELECT b.id, f.path, f.digest, f.size_bytes
FROM builds b
JOIN version_files f ON f.version_id = b.base_version_id
WHERE b.id = @build_id
  AND b.lease_token = @lease_token
  AND f.path <> ALL(@dropped::text[])
FOR UPDATE OF b
ON CONFLICT (build_id, path) DO NOTHING;

-- name: BuildBaseCopy :exec
-- Has a build that goes on from another one's plan change the same version.
UPDATE builds b
SET base_version_id = parent.base_version_id
FROM builds parent
WHERE b.id = @build_id AND parent.id = @parent_build_id;
