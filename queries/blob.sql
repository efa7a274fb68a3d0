-- name: BlobReferencedMany :many
-- Which of the digests a file names. Index: version_files_by_digest,
-- build_files_by_digest.
SELECT d.digest::bytea AS digest
FROM unnest(@digests::bytea[]) AS d (digest)
WHERE EXISTS (SELECT FROM version_files v WHERE v.digest = d.digest)
   OR EXISTS (SELECT FROM build_files b WHERE b.digest = d.digest)
LIMIT cardinality(@digests::bytea[]);

-- name: BlobLock :exec
-- Waits until nobody else has the lock, which the transaction keeps to its end.
SELECT pg_advisory_xact_lock(hashtextextended('blob:' || encode(@digest::bytea, 'hex'), 0));

-- name: BlobSweepCursor :one
-- Where the last run of the sweep stopped.
SELECT folder, page_token FROM blob_sweep;

-- name: BlobSweepMove :exec
-- Notes where the next run of the sweep goes on.
UPDATE blob_sweep SET folder = @folder, page_token = @page_token;

-- name: BuildFileDropEnded :execrows
-- Forgets the files of builds that ended before a time. The builds are the oldest:
-- their ids are smaller than those of that time. Index: the primary key.
DELETE FROM build_files
WHERE build_id IN (
    SELECT DISTINCT f.build_id
    FROM build_files f
    JOIN builds b ON b.id = f.build_id
    WHERE f.build_id < @before_id AND b.end_time < @before
    ORDER BY f.build_id
    LIMIT @batch_size
);

-- name: BuildStepDropEnded :execrows
-- Forgets the steps of builds that ended before a time, as BuildFileDropEnded does.
DELETE FROM build_steps
WHERE build_id IN (
    SELECT DISTINCT s.build_id
    FROM build_steps s
    JOIN builds b ON b.id = s.build_id
    WHERE s.build_id < @before_id AND b.end_time < @before
    ORDER BY s.build_id
    LIMIT @batch_size
);
