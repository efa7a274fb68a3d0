-- +goose Up

-- A site and its history. current_version_id and version_count change under
-- the row's lock only.
CREATE TABLE projects (
    id                 uuid        PRIMARY KEY,
    user_id            uuid        NOT NULL,
    title              text        NOT NULL DEFAULT '',
    current_version_id uuid,
    version_count      integer     NOT NULL DEFAULT 0 CHECK (version_count >= 0),
    create_time        timestamptz NOT NULL DEFAULT clock_timestamp(),
    update_time        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX projects_by_user ON projects (user_id, id DESC);

-- One run from a prompt to a site. Its row lock orders everything that happens
-- to the build; head_seq and lease_token change under it only.
CREATE TABLE builds (
    id                  uuid        PRIMARY KEY,
    build_session_id    text        NOT NULL CHECK (build_session_id ~ '^bs_[0-9a-f-]{36}$'),
    request_hash        bytea       NOT NULL CHECK (octet_length(request_hash) = 32),
    user_id             uuid        NOT NULL,
    project_id          uuid        NOT NULL REFERENCES projects (id),
    parent_build_id     uuid        REFERENCES builds (id),
    operation           text        NOT NULL CHECK (operation IN ('main_build', 'update')),
    prompt              text        NOT NULL CHECK (octet_length(prompt) BETWEEN 1 AND 16384),
    locale              text        NOT NULL,
    answers             jsonb       NOT NULL DEFAULT '[]',
    state               text        NOT NULL CHECK (state IN (
                            'queued', 'planning', 'coding', 'testing', 'fixing', 'deploying',
                            'complete', 'failed', 'cancelled')),
    progress_permille   integer     NOT NULL DEFAULT 0 CHECK (progress_permille BETWEEN 0 AND 1000),
    step_index          integer     NOT NULL DEFAULT 0 CHECK (step_index >= 0),
    step_count          integer     NOT NULL DEFAULT 0 CHECK (step_count >= step_index),
    head_seq            bigint      NOT NULL DEFAULT 0 CHECK (head_seq >= 0),
    lease_token         bigint      NOT NULL DEFAULT 0 CHECK (lease_token >= 0),
    lease_expire_time   timestamptz,
    attempt             integer     NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    fix_attempt         integer     NOT NULL DEFAULT 0 CHECK (fix_attempt BETWEEN 0 AND 3),
    hold_id             uuid        NOT NULL,
    held_seconds        bigint      NOT NULL CHECK (held_seconds >= 0),
    charged_seconds     bigint      NOT NULL DEFAULT 0 CHECK (charged_seconds >= 0),
    version_id          uuid,
    error_reason        text,
    error_class         text        CHECK (error_class IN ('user', 'platform', 'provider', 'policy', 'timeout')),
    error_retryable     boolean     NOT NULL DEFAULT false,
    cancel_request_time timestamptz,
    cancel_reason       text        NOT NULL DEFAULT '',
    create_time         timestamptz NOT NULL DEFAULT clock_timestamp(),
    start_time          timestamptz,
    end_time            timestamptz,

    CONSTRAINT builds_session UNIQUE (user_id, build_session_id),
    -- Progress says 1000 if and only if the build is complete.
    CHECK ((progress_permille = 1000) = (state = 'complete')),
    CHECK ((end_time IS NOT NULL) = (state IN ('complete', 'failed', 'cancelled'))),
    CHECK ((error_reason IS NOT NULL) = (state = 'failed')),
    CHECK ((error_class IS NOT NULL) = (state = 'failed'))
);
-- At most one active build per project.
CREATE UNIQUE INDEX builds_active_project ON builds (project_id)
    WHERE state NOT IN ('complete', 'failed', 'cancelled');
CREATE INDEX builds_by_user ON builds (user_id, id DESC);
CREATE INDEX builds_by_project ON builds (project_id, id DESC);
-- What the sweeper reads: every build that is neither over nor waiting.
CREATE INDEX builds_leased ON builds (id) WHERE lease_expire_time IS NOT NULL;

-- A finished step of a build: a takeover does not repeat it.
CREATE TABLE build_steps (
    build_id    uuid        NOT NULL REFERENCES builds (id),
    -- 'plan', 'write', 'test:1', 'deploy'
    step        text        NOT NULL,
    result      jsonb       NOT NULL,
    -- AI time that was active in it, in microseconds.
    active_us   bigint      NOT NULL DEFAULT 0 CHECK (active_us >= 0),
    -- What a model provider asked for it, in millionths of a US dollar.
    cost_micros bigint      NOT NULL DEFAULT 0 CHECK (cost_micros >= 0),
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (build_id, step)
);

-- A file that a running build has finished; its content is a blob.
CREATE TABLE build_files (
    build_id   uuid    NOT NULL REFERENCES builds (id),
    path       text    NOT NULL,
    digest     bytea   NOT NULL CHECK (octet_length(digest) = 32),
    size_bytes bigint  NOT NULL CHECK (size_bytes >= 0),
    PRIMARY KEY (build_id, path)
);

-- A site as it stood once. Rows never change.
CREATE TABLE versions (
    id                uuid        PRIMARY KEY,
    project_id        uuid        NOT NULL REFERENCES projects (id),
    build_id          uuid        REFERENCES builds (id),
    number            integer     NOT NULL CHECK (number >= 1),
    root              bytea       NOT NULL CHECK (octet_length(root) = 32),
    parent_version_id uuid        REFERENCES versions (id),
    engine            text        NOT NULL,
    file_count        integer     NOT NULL CHECK (file_count >= 0),
    size_bytes        bigint      NOT NULL CHECK (size_bytes >= 0),
    interrupted       boolean     NOT NULL DEFAULT false,
    create_time       timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT versions_number UNIQUE (project_id, number)
);
CREATE INDEX versions_by_project ON versions (project_id, id DESC);
-- A build makes one version, however often it is taken up again.
CREATE UNIQUE INDEX versions_by_build ON versions (build_id);

CREATE TABLE version_files (
    version_id uuid   NOT NULL REFERENCES versions (id),
    path       text   NOT NULL,
    digest     bytea  NOT NULL CHECK (octet_length(digest) = 32),
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    PRIMARY KEY (version_id, path)
);

-- +goose Down
DROP TABLE version_files;
DROP TABLE versions;
DROP TABLE build_files;
DROP TABLE build_steps;
DROP TABLE builds;
DROP TABLE projects;
