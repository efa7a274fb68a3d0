-- +goose Up

-- An address that a user's events are sent to. A deleted one is marked first and
-- goes once its deliveries are gone.
CREATE TABLE webhook_endpoints (
    id              uuid        PRIMARY KEY,
    user_id         uuid        NOT NULL,
    idempotency_key text        NOT NULL,
    request_hash    bytea       NOT NULL CHECK (octet_length(request_hash) = 32),
    url             text        NOT NULL CHECK (octet_length(url) BETWEEN 1 AND 2048),
    -- The payloads that are sent: field numbers in sheen.event.v1.BuildEvent.
    kinds           smallint[]  NOT NULL CHECK (cardinality(kinds) >= 1),
    -- The first failure since the last success.
    failing_since   timestamptz,
    disable_time    timestamptz,
    disable_reason  text        CHECK (disable_reason IN ('gone', 'failing')),
    create_time     timestamptz NOT NULL DEFAULT clock_timestamp(),
    delete_time     timestamptz,
    CHECK ((disable_time IS NULL) = (disable_reason IS NULL))
);
CREATE UNIQUE INDEX webhook_endpoints_key ON webhook_endpoints (user_id, idempotency_key)
    WHERE delete_time IS NULL;
-- What every append asks: which endpoints the build's user has.
CREATE INDEX webhook_endpoints_live ON webhook_endpoints (user_id)
    WHERE delete_time IS NULL AND disable_time IS NULL;
CREATE INDEX webhook_endpoints_by_user ON webhook_endpoints (user_id, id DESC)
    WHERE delete_time IS NULL;
CREATE INDEX webhook_endpoints_deleted ON webhook_endpoints (id) WHERE delete_time IS NOT NULL;

-- The secrets of an endpoint. All that have not expired sign; the newest one
-- never expires.
CREATE TABLE webhook_secrets (
    endpoint_id uuid        NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    secret      bytea       NOT NULL CHECK (octet_length(secret) = 32),
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    expire_time timestamptz,
    PRIMARY KEY (endpoint_id, secret)
);

-- The outbox and the log of what became of it: an event on its way to an
-- endpoint, stored in the transaction of the event. There is no foreign key: its
-- check would make the append wait for whoever deletes an endpoint.
CREATE TABLE webhook_deliveries (
    id                uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Orders an endpoint's deliveries for its owner.
    number            bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    endpoint_id       uuid        NOT NULL,
    build_id          uuid        NOT NULL,
    -- Class, kind, payload and create_time are those of build_events, which may
    -- be gone before the delivery is.
    seq               bigint      NOT NULL CHECK (seq > 0),
    class             smallint    NOT NULL,
    kind              smallint    NOT NULL,
    payload           bytea       NOT NULL,
    create_time       timestamptz NOT NULL,
    state             text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempt_count     integer     NOT NULL DEFAULT 0 CHECK (attempt_count >= 0),
    -- What the time to give up is counted from, and the attempts since: the
    -- event, or the last redelivery.
    pending_since     timestamptz NOT NULL,
    retry_count       integer     NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
    last_attempt_time timestamptz,
    last_status       integer     NOT NULL DEFAULT 0,
    last_error        text        NOT NULL DEFAULT ''
);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (endpoint_id, build_id, seq)
    WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, number DESC);
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (create_time);

-- Whether the build's user has, or had, an endpoint: appends look for endpoints
-- only then. Appends that change the build's state, as its first one does, set it,
-- and so does whoever makes or enables an endpoint, for the builds that are there.
-- It is never taken back.
ALTER TABLE builds ADD COLUMN webhooks boolean NOT NULL DEFAULT false;

-- A build's deliveries to an endpoint, which leave one after the other. Whoever
-- holds the claim may send.
CREATE TABLE webhook_lanes (
    endpoint_id       uuid        NOT NULL,
    build_id          uuid        NOT NULL,
    -- Counts what was added; one that is found changed is looked at again.
    wakes             bigint      NOT NULL DEFAULT 1,
    -- When the first pending delivery is to be tried; null if there is none.
    due_time          timestamptz,
    claim_token       bigint      NOT NULL DEFAULT 0,
    claim_expire_time timestamptz,
    PRIMARY KEY (endpoint_id, build_id)
);
CREATE INDEX webhook_lanes_due ON webhook_lanes (due_time) WHERE due_time IS NOT NULL;
CREATE INDEX webhook_lanes_claimed ON webhook_lanes (claim_expire_time) WHERE claim_expire_time IS NOT NULL;

-- +goose Down
ALTER TABLE builds DROP COLUMN webhooks;
DROP TABLE webhook_lanes;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_secrets;
DROP TABLE webhook_endpoints;
