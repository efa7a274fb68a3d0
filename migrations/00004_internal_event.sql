-- +goose Up

-- What an internal event is about, such as 'lease_taken'; its payload is JSON of
-- at most 64 KiB, and its class and kind are 0. The user's events have none.
ALTER TABLE build_events
    ADD COLUMN internal_kind text CHECK (internal_kind ~ '^[a-z][a-z0-9_]{0,63}$'),
    ADD CONSTRAINT build_events_internal CHECK ((visibility = 'internal') = (internal_kind IS NOT NULL)),
    ADD CONSTRAINT build_events_internal_size CHECK (visibility = 'user' OR octet_length(payload) <= 65536);

-- +goose Down
ALTER TABLE build_events
    DROP CONSTRAINT build_events_internal_size,
    DROP CONSTRAINT build_events_internal,
    DROP COLUMN internal_kind;
