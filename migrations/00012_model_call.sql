-- Every call of a model that a build made, whatever came of it.

-- +goose Up
CREATE TABLE model_calls (
    build_id           uuid        NOT NULL REFERENCES builds (id),
    -- 'plan', 'write:index.html', 'fix:1:index.html'
    key                text        NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 300),
    -- How many calls of the key there were, with this one.
    attempt            integer     NOT NULL CHECK (attempt >= 1),
    engine             text        NOT NULL,
    model              text        NOT NULL,
    input_tokens       bigint      NOT NULL CHECK (input_tokens >= 0),
    cache_read_tokens  bigint      NOT NULL CHECK (cache_read_tokens >= 0),
    cache_write_tokens bigint      NOT NULL CHECK (cache_write_tokens >= 0),
    output_tokens      bigint      NOT NULL CHECK (output_tokens >= 0),
    -- What the provider asked for it, in millionths of a US dollar.
    cost_micros        bigint      NOT NULL CHECK (cost_micros >= 0),
    -- Nothing came of the call.
    failed             boolean     NOT NULL,
    create_time        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (build_id, key, attempt)
);
-- What was finished is not done again.
CREATE UNIQUE INDEX model_calls_succeeded ON model_calls (build_id, key) WHERE NOT failed;

-- +goose Down
DROP TABLE model_calls;
