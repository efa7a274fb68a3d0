-- Billing at full strength: extensions, voided grants, approved maxima, and what
-- is bought and by whom.

-- +goose Up

-- A voided grant gives no more seconds; what open holds have of it they may use.
alter table credit_grant
    add column void_time timestamptz check (void_time >= create_time);

alter table hold
    -- What was approved: no commit charges more. 0: as much as there is.
    add column max_seconds bigint not null default 0 check (max_seconds = 0 or max_seconds >= seconds),
    -- What the work is, for estimates, and the 95th percentile that was quoted.
    add column project_size text not null default 'medium' check (project_size in ('small', 'medium', 'large')),
    add column quoted_seconds bigint not null default 0 check (quoted_seconds >= 0);

-- A hold's end as of this row, so that an answer can be given again.
alter table journal
    add column expire_time timestamptz,
    -- Why a grant was taken back; a grant has its own reason.
    add column reason text not null default '';

-- Finds what was committed lately; an index of a few pages, as the journal is
-- written in the order of time.
create index journal_time on journal using brin (create_time);

-- Find what has ended by itself. A row leaves them when it is settled, and no
-- other change touches them. That the settle_time is null says the same as that
-- the state is open, in words that keep the planner from taking hold_due for an
-- account's open holds, which it did while it knew little about the table.
create index hold_due on hold (expire_time) where settle_time is null;
create index credit_grant_due on credit_grant (expire_time) where open and expire_time is not null;

-- What is sold, as configured. A purchase keeps what it was for.
create table package (
    id            text    primary key check (length(id) between 1 and 64),
    seconds       bigint  not null check (seconds between 1 and 1000000000),
    price_micros  bigint  not null check (price_micros > 0),
    currency_code text    not null check (currency_code ~ '^[A-Z]{3}$'),
    sold          boolean not null
);

create table purchase (
    id              uuid        primary key,
    account_id      uuid        not null references account (id),
    package_id      text        not null references package (id),
    seconds         bigint      not null check (seconds between 1 and 1000000000),
    price_micros    bigint      not null check (price_micros > 0),
    currency_code   text        not null check (currency_code ~ '^[A-Z]{3}$'),
    origin          text        not null check (origin in ('checkout', 'auto_topup')),
    idempotency_key text        check (length(idempotency_key) between 1 and 255),
    fingerprint     bytea       check (octet_length(fingerprint) = 32),
    provider        text        not null,
    provider_id     text, -- the provider's own id of the checkout or charge
    checkout_url    text        not null default '',
    state           text        not null default 'open' check (state in ('open', 'paid', 'failed', 'refunded', 'disputed')),
    grant_id        uuid        references credit_grant (id),
    refunded_micros bigint      not null default 0 check (refunded_micros between 0 and price_micros),
    create_time     timestamptz not null default clock_timestamp(),
    paid_time       timestamptz,
    constraint purchase_granted check ((grant_id is not null) = (paid_time is not null)),
    constraint purchase_state check (state in ('open', 'failed') or paid_time is not null)
) with (fillfactor = 80);

create unique index purchase_once on purchase (account_id, idempotency_key) where idempotency_key is not null;
create unique index purchase_provider on purchase (provider, provider_id) where provider_id is not null;
create unique index purchase_grant on purchase (grant_id) where grant_id is not null;

-- What a payment provider has told, each event once. One that comes before what
-- it is about waits here for it.
create table payment_event (
    provider    text        not null,
    id          text        not null check (length(id) between 1 and 255),
    kind        text        not null,
    subject     text        not null default '', -- the provider's id of what it is about
    purchase_id uuid        references purchase (id),
    body        bytea       not null,
    state       text        not null check (state in ('applied', 'waiting', 'ignored')),
    note        text        not null default '', -- why it was ignored, or what could not be taken back
    create_time timestamptz not null default clock_timestamp(),
    primary key (provider, id)
);

create index payment_event_waiting on payment_event (provider, subject) where state = 'waiting';

create table auto_topup (
    account_id         uuid        primary key references account (id),
    enabled            boolean     not null default false,
    threshold_seconds  bigint      not null default 600 check (threshold_seconds between 1 and 1000000),
    package_id         text        not null default 'mini',
    monthly_cap_micros bigint      not null default 0 check (monthly_cap_micros >= 0),
    consent_version    text        not null default '',
    consent_time       timestamptz,
    declines           integer     not null default 0 check (declines >= 0), -- in a row
    pause_until        timestamptz,
    suspended          boolean     not null default false,
    update_time        timestamptz not null default clock_timestamp(),
    constraint auto_topup_consent check (not enabled or (consent_version <> '' and consent_time is not null))
);

-- One row per decision: to charge, or why not.
create table topup_attempt (
    id           uuid        primary key,
    account_id   uuid        not null references account (id),
    journal_seq  bigint      not null, -- of the row that lowered the balance
    state        text        not null check (state in ('pending', 'charged', 'declined', 'failed', 'skipped')),
    reason       text        not null default '', -- of all but pending and charged
    purchase_id  uuid        references purchase (id),
    tries        integer     not null default 0 check (tries >= 0),
    next_time    timestamptz not null default clock_timestamp(),
    create_time  timestamptz not null default clock_timestamp(),
    settle_time  timestamptz,
    constraint topup_attempt_settled check ((state = 'pending') = (settle_time is null)),
    constraint topup_attempt_reason check ((state in ('declined', 'failed', 'skipped')) = (reason <> ''))
);

create unique index topup_attempt_in_flight on topup_attempt (account_id) where state = 'pending';
create index topup_attempt_next on topup_attempt (next_time) where state = 'pending';
create index topup_attempt_account on topup_attempt (account_id, create_time);

-- +goose Down
drop table topup_attempt;
drop table auto_topup;
drop table payment_event;
drop table purchase;
drop table package;
drop index credit_grant_due;
drop index hold_due;
drop index journal_time;
alter table journal
    drop column expire_time,
    drop column reason;
alter table hold
    drop column max_seconds,
    drop column project_size,
    drop column quoted_seconds;
alter table credit_grant drop column void_time;
