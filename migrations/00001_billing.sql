-- Billing: AI time in whole seconds. The rules are code (server/billing/meter);
-- the constraints here make rows that break them impossible. Every second of a
-- grant is in one of four places: free, held, consumed, lapsed.

-- +goose Up

-- One row per user: the lock that every change takes first, and the totals.
create table account (
    id                uuid        primary key, -- the user's id
    zone              text        not null default 'UTC' check (zone <> ''), -- IANA name; its midnight ends the daily gift
    welcomed          boolean     not null default false,
    gift_until        timestamptz, -- end of the last daily gift; no gift is made before it
    last_time         timestamptz not null default 'epoch', -- of the last journal row
    next_due          timestamptz, -- when the next hold or grant ends by itself
    seq               bigint      not null default 0 check (seq >= 0), -- of the last journal row; the row's version
    chain_head        bytea       not null default decode(repeat('00', 32), 'hex') check (octet_length(chain_head) = 32),
    granted_seconds   bigint      not null default 0 check (granted_seconds >= 0),
    free_seconds      bigint      not null default 0 check (free_seconds >= 0),
    held_seconds      bigint      not null default 0 check (held_seconds >= 0),
    consumed_seconds  bigint      not null default 0 check (consumed_seconds >= 0),
    lapsed_seconds    bigint      not null default 0 check (lapsed_seconds >= 0),
    shortfall_seconds bigint      not null default 0 check (shortfall_seconds >= 0),
    create_time       timestamptz not null default clock_timestamp(),
    constraint account_conserves check (
        granted_seconds = free_seconds + held_seconds + consumed_seconds + lapsed_seconds)
) with (fillfactor = 70);

-- No index holds a number that changes, so that moving seconds stays a HOT update.
create table credit_grant (
    id               uuid        primary key,
    account_id       uuid        not null references account (id),
    kind             text        not null check (kind in ('welcome', 'daily', 'subscription', 'package', 'promo', 'compensation')),
    source           text        not null check (source in ('gift', 'admin', 'payment')),
    reason           text        not null default '',
    seconds          bigint      not null check (seconds between 1 and 1000000000),
    free_seconds     bigint      not null check (free_seconds >= 0),
    held_seconds     bigint      not null check (held_seconds >= 0),
    consumed_seconds bigint      not null check (consumed_seconds >= 0),
    lapsed_seconds   bigint      not null check (lapsed_seconds >= 0),
    open             boolean     not null generated always as (free_seconds > 0 or held_seconds > 0) stored,
    create_time      timestamptz not null,
    expire_time      timestamptz check (expire_time > create_time), -- null: never
    constraint credit_grant_conserves check (
        seconds = free_seconds + held_seconds + consumed_seconds + lapsed_seconds),
    constraint credit_grant_daily_gift_ends check (
        not (source = 'gift' and kind = 'daily') or expire_time is not null)
) with (fillfactor = 70);

create index credit_grant_open on credit_grant (account_id) where open;
create unique index credit_grant_one_welcome on credit_grant (account_id) where source = 'gift' and kind = 'welcome';
create unique index credit_grant_one_daily on credit_grant (account_id, expire_time) where source = 'gift' and kind = 'daily';

create function bigint_sum(bigint[]) returns bigint
    language sql immutable strict parallel safe
    return (select coalesce(sum(n), 0)::bigint from unnest($1) as n);

-- Seconds set aside for one operation, with the grants they come from.
create table hold (
    id              uuid        primary key,
    account_id      uuid        not null references account (id),
    build_id        uuid,
    operation       text        not null check (operation in ('main_build', 'metadata_generation', 'update')),
    state           text        not null default 'open' check (state in ('open', 'committed', 'released', 'expired')),
    seconds         bigint      not null check (seconds between 1 and 1000000000),
    grant_ids       uuid[]      not null, -- in burn order
    grant_seconds   bigint[]    not null check (0 < all (grant_seconds)),
    day             date        not null, -- of create_time in the account's zone; usage is counted on it
    create_time     timestamptz not null,
    expire_time     timestamptz not null check (expire_time > create_time),
    settle_time     timestamptz check (settle_time >= create_time),
    outcome         text        check (outcome in ('succeeded', 'failed_user', 'failed_platform', 'failed_provider', 'failed_policy', 'cancelled')),
    charged_seconds bigint      not null default 0 check (charged_seconds >= 0),
    constraint hold_provenance check (
        cardinality(grant_ids) = cardinality(grant_seconds) and seconds = bigint_sum(grant_seconds)),
    constraint hold_settled check ((state = 'open') = (settle_time is null)),
    -- Only a commit has an outcome; an expired hold may get one, late.
    constraint hold_outcome check (
        case state when 'committed' then outcome is not null when 'expired' then true else outcome is null end),
    constraint hold_charged check (outcome is not null or charged_seconds = 0)
) with (fillfactor = 80);

create index hold_open on hold (account_id) where state = 'open';
create index hold_build on hold (build_id) where build_id is not null;

-- What happened, one row per step: append-only, gapless per account, chained by
-- hash. It also remembers idempotency keys with the answers they got.
create table journal (
    account_id        uuid        not null references account (id),
    seq               bigint      not null check (seq > 0),
    kind              text        not null check (kind in (
        'grant', 'lapse', 'void', 'hold', 'extend', 'commit', 'late_commit', 'release', 'expire')),
    create_time       timestamptz not null,
    idempotency_key   text        check (length(idempotency_key) between 1 and 255),
    fingerprint       bytea       check (octet_length(fingerprint) = 32),
    hold_id           uuid        references hold (id),
    build_id          uuid,
    operation         text,
    outcome           text,
    active_ms         bigint      not null default 0 check (active_ms >= 0),
    billable_seconds  bigint      not null default 0 check (billable_seconds = (active_ms + 9999) / 10000 * 10),
    shortfall_seconds bigint      not null default 0 check (shortfall_seconds >= 0),
    cost_micros       bigint      not null default 0 check (cost_micros >= 0), -- micro-USD asked by model providers
    granted_delta     bigint      not null,
    free_delta        bigint      not null,
    held_delta        bigint      not null,
    consumed_delta    bigint      not null,
    lapsed_delta      bigint      not null,
    -- json, not jsonb: the hash is over the text as it was written.
    lines             json        not null, -- the deltas per grant
    balance           json        not null, -- the account's afterwards
    prev_hash         bytea       not null check (octet_length(prev_hash) = 32),
    hash              bytea       not null check (octet_length(hash) = 32),
    primary key (account_id, seq),
    constraint journal_conserves check (
        granted_delta = free_delta + held_delta + consumed_delta + lapsed_delta),
    constraint journal_grants check ((kind = 'grant') = (granted_delta > 0) and granted_delta >= 0),
    constraint journal_consumes check (
        consumed_delta >= 0 and lapsed_delta >= 0 and (kind in ('commit', 'late_commit') or consumed_delta = 0)),
    constraint journal_hold check (
        (kind in ('hold', 'extend', 'commit', 'late_commit', 'release', 'expire')) = (hold_id is not null)),
    constraint journal_outcome check ((kind in ('commit', 'late_commit')) = (outcome is not null)),
    constraint journal_key check (idempotency_key is null or fingerprint is not null)
);

create unique index journal_once on journal (account_id, idempotency_key) where idempotency_key is not null;
-- One terminal event per hold, and one late commit beside it.
create unique index journal_hold_end on journal (hold_id, (kind = 'late_commit'))
    where kind in ('commit', 'release', 'expire', 'late_commit');

-- +goose StatementBegin
create function journal_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the journal is append-only' using errcode = 'integrity_constraint_violation';
end
$$;
-- +goose StatementEnd

create trigger journal_append_only before update or delete on journal
    for each row execute function journal_refuse_change();
create trigger journal_no_truncate before truncate on journal
    for each statement execute function journal_refuse_change();

-- Consumption per day of the account's zone.
create table usage_daily (
    account_id       uuid   not null references account (id),
    day              date   not null,
    operation        text   not null check (operation in ('main_build', 'metadata_generation', 'update')),
    operations       bigint not null check (operations > 0),
    consumed_seconds bigint not null check (consumed_seconds >= 0),
    cost_micros      bigint not null check (cost_micros >= 0),
    primary key (account_id, day, operation)
) with (fillfactor = 80);

-- +goose Down
drop table usage_daily;
drop table journal;
drop function journal_refuse_change();
drop table hold;
drop function bigint_sum(bigint[]);
drop table credit_grant;
drop table account;
