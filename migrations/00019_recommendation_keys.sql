-- Which requests a list of recommendations answers.

-- +goose Up
ALTER TABLE recommendation_revisions
    -- The keys of requests that found the list in the making, the newest 32: a repeat
    -- of one is answered with this list, not with another one.
    ADD COLUMN joined_keys text[] NOT NULL DEFAULT '{}' CHECK (cardinality(joined_keys) <= 32);

-- +goose Down
ALTER TABLE recommendation_revisions DROP COLUMN joined_keys;
