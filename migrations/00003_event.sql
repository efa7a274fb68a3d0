-- +goose Up

-- The event log. seq is 1, 2, 3 … per build, handed out under the build row's
-- lock. There is no foreign key to builds: the statement that appends holds the
-- build's row, and a key would be checked once per event.
--
-- Ids are UUIDv7, so a range of ids is a span of time: all events of a build lie
-- in one partition, and retention drops whole partitions. Partitions are made
-- ahead by the server; the default one catches what they do not cover.
CREATE TABLE build_events (
    build_id    uuid        NOT NULL,
    -- Positive for the user's events; internal ones count downwards from -1.
    seq         bigint      NOT NULL CHECK (seq <> 0),
    -- sheen.event.v1.EventClass.
    class       smallint    NOT NULL,
    -- The field number of the payload in sheen.event.v1.BuildEvent.
    kind        smallint    NOT NULL,
    visibility  text        NOT NULL DEFAULT 'user' CHECK (visibility IN ('user', 'internal')),
    create_time timestamptz NOT NULL,
    -- A BuildEvent without build_id, seq and create_time, encoded once.
    payload     bytea       NOT NULL,
    PRIMARY KEY (build_id, seq),
    CHECK ((visibility = 'user') = (seq > 0))
) PARTITION BY RANGE (build_id);
CREATE TABLE build_events_default PARTITION OF build_events DEFAULT;

-- Keys that authenticate resume and page tokens. All nodes share them; the
-- newest signs, all verify.
CREATE TABLE token_keys (
    id          smallint    PRIMARY KEY CHECK (id BETWEEN 1 AND 255),
    secret      bytea       NOT NULL CHECK (octet_length(secret) = 32),
    create_time timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- +goose Down
DROP TABLE token_keys;
DROP TABLE build_events;
