-- What to do next, as an engine wrote it beside a build.

-- +goose Up
-- One list of a build. Of each build at most one is in the making; a list that was
-- finished is never changed.
CREATE TABLE recommendation_revisions (
    build_id        uuid        NOT NULL REFERENCES builds (id),
    -- 1, 2, 3 …
    revision        integer     NOT NULL CHECK (revision BETWEEN 1 AND 100),
    state           text        NOT NULL CHECK (state IN ('queued', 'generating', 'ready', 'failed', 'skipped')),
    -- The key of the request that asked for it; empty for the one of the build's start.
    idempotency_key text        NOT NULL DEFAULT '' CHECK (octet_length(idempotency_key) <= 128),
    -- How often somebody began to write it; the number of the newest attempt.
    attempt         integer     NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    -- When the newest attempt began, and until when nobody else makes one.
    attempt_time    timestamptz,
    lease_expire_time timestamptz,
    -- Why it failed; empty otherwise.
    failure_reason  text        NOT NULL DEFAULT '',
    create_time     timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When it fails if nothing has come of it.
    deadline_time   timestamptz NOT NULL,
    end_time        timestamptz,
    PRIMARY KEY (build_id, revision),
    CHECK ((end_time IS NULL) = (state IN ('queued', 'generating'))),
    CHECK ((failure_reason <> '') = (state = 'failed')),
    CHECK ((lease_expire_time IS NOT NULL) = (state = 'generating')),
    CHECK ((attempt_time IS NOT NULL) = (attempt > 0))
);
CREATE UNIQUE INDEX recommendation_revisions_open ON recommendation_revisions (build_id)
    WHERE state IN ('queued', 'generating');
CREATE UNIQUE INDEX recommendation_revisions_key ON recommendation_revisions (build_id, idempotency_key)
    WHERE idempotency_key <> '';
-- What the sweeper reads.
CREATE INDEX recommendation_revisions_due ON recommendation_revisions (deadline_time)
    WHERE state IN ('queued', 'generating');

-- Every attempt at a list, whatever came of it.
CREATE TABLE recommendation_attempts (
    build_id           uuid        NOT NULL,
    revision           integer     NOT NULL,
    attempt            integer     NOT NULL CHECK (attempt >= 1),
    -- 'ready', or why not
    outcome            text        NOT NULL,
    retryable          boolean     NOT NULL DEFAULT false,
    engine             text        NOT NULL,
    model              text        NOT NULL DEFAULT '',
    input_tokens       bigint      NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    output_tokens      bigint      NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    -- What the provider asked for it, in millionths of a US dollar.
    cost_micros        bigint      NOT NULL DEFAULT 0 CHECK (cost_micros >= 0),
    start_time         timestamptz NOT NULL,
    end_time           timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (build_id, revision, attempt),
    FOREIGN KEY (build_id, revision) REFERENCES recommendation_revisions (build_id, revision)
);

-- The entries of a list that is ready.
CREATE TABLE recommendations (
    id          uuid        PRIMARY KEY,
    build_id    uuid        NOT NULL,
    revision    integer     NOT NULL,
    -- Its place in the list, from 1.
    position    integer     NOT NULL CHECK (position BETWEEN 1 AND 6),
    -- One of the nineteen kinds; empty for what is none of them.
    kind        text        NOT NULL DEFAULT '',
    category    text        NOT NULL CHECK (category IN ('feature', 'ui', 'seo', 'performance', 'accessibility')),
    title       text        NOT NULL CHECK (title <> ''),
    description text        NOT NULL CHECK (description <> ''),
    prompt      text        NOT NULL CHECK (octet_length(prompt) BETWEEN 1 AND 16384),
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (build_id, revision, position),
    FOREIGN KEY (build_id, revision) REFERENCES recommendation_revisions (build_id, revision)
);

-- What the user of a build did with what was proposed; noted once.
CREATE TABLE recommendation_interactions (
    build_id    uuid        NOT NULL REFERENCES builds (id),
    -- The id of a recommendation, or of a quick suggestion ('qs-booking').
    item_id     text        NOT NULL CHECK (octet_length(item_id) BETWEEN 1 AND 64),
    interaction text        NOT NULL CHECK (interaction IN ('shown', 'accepted', 'dismissed')),
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (build_id, item_id, interaction)
);
CREATE INDEX recommendation_interactions_time ON recommendation_interactions (create_time);

-- +goose Down
DROP TABLE recommendation_interactions;
DROP TABLE recommendations;
DROP TABLE recommendation_attempts;
DROP TABLE recommendation_revisions;
