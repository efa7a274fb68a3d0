-- Purchases: what the provider calls a payment and its customer, and what came of
-- refunds and disputes.

-- +goose Up

alter table purchase
    -- The language of the payment page. What is asked of the provider must be the
    -- same in a repeat.
    add column locale text not null default 'en',
    -- The provider's customer that the payment page was opened for; empty for a
    -- new one.
    add column customer_id text not null default '',
    -- The provider's id of the payment that was granted, which is not that of the
    -- payment page.
    add column payment_id text,
    -- What was given back after disputes that were won.
    add column restored_grant_ids uuid[] not null default '{}';

create unique index purchase_payment on purchase (provider, payment_id) where payment_id is not null;

alter table payment_event
    add column dispute_id text not null default '',
    add column customer_id text not null default '',
    -- Of a refund, the sum of all refunds so far.
    add column amount_micros bigint not null default 0 check (amount_micros >= 0),
    add column currency_code text not null default '';

create index payment_event_purchase on payment_event (purchase_id) where purchase_id is not null;

-- Who an account is to a provider: whose card automatic purchases charge.
create table payment_customer (
    account_id  uuid not null references account (id),
    provider    text not null,
    customer_id text not null check (customer_id <> ''),
    primary key (account_id, provider)
);

create index payment_customer_id on payment_customer (provider, customer_id);

-- +goose Down
drop table payment_customer;
drop index payment_event_purchase;
alter table payment_event
    drop column dispute_id,
    drop column customer_id,
    drop column amount_micros,
    drop column currency_code;
drop index purchase_payment;
alter table purchase
    drop column locale,
    drop column customer_id,
    drop column payment_id,
    drop column restored_grant_ids;
