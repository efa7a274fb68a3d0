-- Automatic purchases: decisions that repeat, and when to decide again.

-- +goose Up

alter table topup_attempt
    -- Decisions not to charge for the same reason, in a row, are one row.
    add column decisions bigint not null default 1 check (decisions >= 1),
    -- Of the last journal row of those; null: there is only the first.
    add column last_seq  bigint check (last_seq >= journal_seq);

-- When to decide again though nothing was spent: a pause or a month is over.
alter table auto_topup add column review_time timestamptz;

create index auto_topup_review on auto_topup (review_time) where review_time is not null;

-- Sums up what an account bought by itself in a month.
create index purchase_auto_topup on purchase (account_id, create_time) where origin = 'auto_topup';

-- +goose Down
drop index purchase_auto_topup;
drop index auto_topup_review;
alter table auto_topup drop column review_time;
alter table topup_attempt
    drop column decisions,
    drop column last_seq;
