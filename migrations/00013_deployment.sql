-- Where versions were put online, and the keys of the calls that change a project.

-- +goose Up

-- A version on a target. The rows of a project are written under the project's
-- lock, so that seq says which of two is the newer one. The root pins what was
-- deployed.
CREATE TABLE deployments (
    id                uuid        PRIMARY KEY,
    seq               bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    project_id        uuid        NOT NULL REFERENCES projects (id),
    version_id        uuid        NOT NULL REFERENCES versions (id),
    root              bytea       NOT NULL CHECK (octet_length(root) = 32),
    target            text        NOT NULL CHECK (octet_length(target) BETWEEN 1 AND 64),
    state             text        NOT NULL CHECK (state IN ('pending', 'deployed', 'failed')),
    url               text        NOT NULL DEFAULT '',
    -- Why the last attempt failed. A pending one is tried again.
    error_reason      text,
    error_retryable   boolean     NOT NULL DEFAULT false,
    attempt           integer     NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    -- Whoever deploys has the lease, and at most one per project and target.
    lease_token       bigint      NOT NULL DEFAULT 0 CHECK (lease_token >= 0),
    lease_expire_time timestamptz,
    create_time       timestamptz NOT NULL DEFAULT clock_timestamp(),
    end_time          timestamptz,

    CHECK ((end_time IS NOT NULL) = (state <> 'pending')),
    CHECK ((url <> '') = (state = 'deployed')),
    CHECK (state <> 'failed' OR error_reason IS NOT NULL),
    CHECK (state <> 'deployed' OR error_reason IS NULL),
    CHECK (state = 'pending' OR lease_expire_time IS NULL)
);
CREATE INDEX deployments_by_project ON deployments (project_id, seq DESC);
CREATE INDEX deployments_by_target ON deployments (project_id, target, seq DESC);

-- The record of idempotency of calls that have no row of their own for it: the
-- same key with the same hash was answered with the row of that id.
CREATE TABLE call_keys (
    user_id      uuid        NOT NULL,
    procedure    text        NOT NULL,
    key          text        NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 128),
    request_hash bytea       NOT NULL CHECK (octet_length(request_hash) = 32),
    result_id    uuid        NOT NULL,
    create_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT call_keys_once PRIMARY KEY (user_id, procedure, key)
);

-- +goose Down
DROP TABLE call_keys;
DROP TABLE deployments;
