-- Builds that wait for another one of their project, builds that cost nothing,
-- and when a build's phase began.

-- +goose Up
ALTER TABLE builds
    -- Queued behind the project's active build, without a job.
    ADD COLUMN waiting    boolean NOT NULL DEFAULT false,
    -- Repeats a build that failed through no fault of its user: it has no hold,
    -- its hold_id is the nil UUID.
    ADD COLUMN free       boolean NOT NULL DEFAULT false,
    -- When the state was entered; null in the first one.
    ADD COLUMN phase_time timestamptz,
    ADD CONSTRAINT builds_waiting_queued CHECK (NOT waiting OR (state = 'queued' AND lease_expire_time IS NULL)),
    ADD CONSTRAINT builds_free CHECK (
        NOT free OR (parent_build_id IS NOT NULL AND held_seconds = 0 AND charged_seconds = 0));

-- At most one active build per project; any number may wait behind it.
DROP INDEX builds_active_project;
CREATE UNIQUE INDEX builds_active_project ON builds (project_id)
    WHERE state NOT IN ('complete', 'failed', 'cancelled') AND NOT waiting;
CREATE INDEX builds_waiting ON builds (project_id, id) WHERE waiting;
-- A failure is made good once.
CREATE UNIQUE INDEX builds_free_retry ON builds (parent_build_id) WHERE free;

-- +goose Down
-- What waits had not begun: it ends, so that one active build per project is left.
UPDATE builds
SET waiting = false,
    state = 'cancelled',
    held_seconds = 0,
    lease_token = lease_token + 1,
    end_time = clock_timestamp()
WHERE waiting;
DROP INDEX builds_free_retry;
DROP INDEX builds_waiting;
DROP INDEX builds_active_project;
CREATE UNIQUE INDEX builds_active_project ON builds (project_id)
    WHERE state NOT IN ('complete', 'failed', 'cancelled');
ALTER TABLE builds
    DROP CONSTRAINT builds_free,
    DROP CONSTRAINT builds_waiting_queued,
    DROP COLUMN phase_time,
    DROP COLUMN free,
    DROP COLUMN waiting;
