-- Sells a package as configured. A row that says so already is not written.
-- name: PackageUpsert :exec
insert into package (
    id,
    seconds,
    price_micros,
    currency_code,
    life_seconds,
    sold
)
values (
    @id,
    @seconds,
    @price_micros,
    @currency_code,
    sqlc.narg('life_seconds'),
    true
)
on conflict (id) do update
set seconds       = excluded.seconds,
    price_micros  = excluded.price_micros,
    currency_code = excluded.currency_code,
    life_seconds  = excluded.life_seconds,
    sold          = true
where (package.seconds, package.price_micros, package.currency_code, package.life_seconds, package.sold)
    is distinct from (excluded.seconds, excluded.price_micros, excluded.currency_code, excluded.life_seconds, true);

-- Sells no package but these.
-- name: PackageRetireOthers :exec
update package
set sold = false
where sold and id <> all (@ids::text[]);

-- What is sold, the smallest first.
-- name: PackageList :many
select *
from package
where sold and (seconds, id) > (@after_seconds, @after_id::text)
order by seconds, id
limit @page_size;

-- name: PackageSold :one
select *
from package
where id = @id and sold;

-- name: PurchaseInsert :one
insert into purchase (
    id,
    account_id,
    package_id,
    seconds,
    price_micros,
    currency_code,
    life_seconds,
    origin,
    idempotency_key,
    fingerprint,
    provider,
    locale,
    customer_id
)
values (
    @id,
    @account_id,
    @package_id,
    @seconds,
    @price_micros,
    @currency_code,
    sqlc.narg('life_seconds'),
    'checkout',
    @idempotency_key::text,
    @fingerprint,
    @provider,
    @locale,
    @customer_id
)
returning *;

-- Index: purchase_once.
-- name: PurchaseByKey :one
select *
from purchase
where account_id = @account_id and idempotency_key = @idempotency_key::text;

-- name: PurchaseByID :one
select *
from purchase
where id = @id;

-- The purchase that a provider names by its own id of the payment, or of the
-- payment page or charge. The payment's comes first.
-- Index: purchase_payment and purchase_provider.
-- name: PurchaseBySubject :one
select *
from purchase
where provider = @provider and (payment_id = @subject::text or provider_id = @subject::text)
order by (payment_id is not distinct from @subject::text) desc
limit 1;

-- Locks a purchase. Its account's lock is held.
-- name: PurchaseLock :one
select *
from purchase
where id = @id
for update;

-- Keeps the payment page that the provider has opened.
-- name: PurchaseOpenedIfNew :execrows
update purchase
set provider_id  = @provider_id::text,
    checkout_url = @checkout_url
where id = @id and checkout_url = '';

-- Stores a purchase as its payment makes it. Its lock is held.
-- name: PurchaseUpdate :execrows
update purchase
set state              = @state,
    provider_id        = sqlc.narg('provider_id'),
    grant_id           = sqlc.narg('grant_id'),
    paid_time          = sqlc.narg('paid_time'),
    payment_id         = sqlc.narg('payment_id'),
    refunded_micros    = @refunded_micros,
    restored_grant_ids = @restored_grant_ids::uuid[],
    disputed_seconds   = @disputed_seconds
where id = @id;

-- Waits for others that are at the events of one of a provider's ids. It comes
-- before all other locks, so that an event that finds no purchase and the one that
-- makes it known do not miss each other.
-- name: PaymentSubjectLock :exec
select pg_advisory_xact_lock(hashtextextended(@provider::text || ':' || @subject::text, 0));

-- Records an event. No row means that it was recorded before.
-- name: PaymentEventInsert :execrows
insert into payment_event (
    provider,
    id,
    kind,
    subject,
    purchase_id,
    body,
    state,
    note,
    dispute_id,
    customer_id,
    amount_micros,
    currency_code
)
values (
    @provider,
    @id,
    @kind,
    @subject,
    sqlc.narg('purchase_id'),
    @body,
    @state,
    @note,
    @dispute_id,
    @customer_id,
    @amount_micros,
    @currency_code
)
on conflict (provider, id) do nothing;

-- Says what an event could not do.
-- name: PaymentEventNote :exec
update payment_event
set note = @note
where provider = @provider and id = @id;

-- What waits for a purchase, by its id or by what the provider calls it or its
-- payment, the oldest first; payments come before what is about them.
-- Index: payment_event_purchase and payment_event_waiting.
-- name: PaymentEventWaiting :many
select *
from payment_event
where provider = @provider
  and state = 'waiting'
  and (purchase_id = @purchase_id::uuid
      or (purchase_id is null and subject <> '' and subject = any (@subjects::text[])))
order by kind = 'paid' desc, create_time, id
limit 1000;

-- Judges a waiting event.
-- name: PaymentEventJudge :execrows
update payment_event
set purchase_id = @purchase_id::uuid,
    state       = @state,
    note        = @note
where provider = @provider and id = @id and state = 'waiting';

-- All that the events of a purchase say, in whatever order they came: the largest
-- refund, whether a dispute has not been won, whether a payment has failed.
-- Index: payment_event_purchase.
-- name: PaymentEventFacts :one
select
    coalesce(max(e.amount_micros) filter (where e.kind = 'refunded'), 0)::bigint as refunded_micros,
    coalesce(bool_or(e.kind = 'failed'), false)::boolean as failed,
    coalesce(bool_or(e.kind = 'disputed' and not exists (
        select 1
        from payment_event as w
        where w.purchase_id = e.purchase_id
          and w.state <> 'ignored'
          and w.kind = 'dispute_won'
          and w.dispute_id = e.dispute_id)), false)::boolean as disputed
from payment_event as e
where e.purchase_id = @purchase_id::uuid and e.state <> 'ignored';

-- The grants of a purchase: a handful.
-- name: GrantsByIDs :many
select *
from credit_grant
where account_id = @account_id and id = any (@ids::uuid[])
order by create_time, id
limit 1000;

-- Takes back that held seconds of a grant were taken back. The account's lock is
-- held.
-- name: GrantForgive :execrows
update credit_grant
set owed_seconds = owed_seconds - @seconds
where id = @id and account_id = @account_id and owed_seconds >= @seconds and void_time is null;

-- Keeps who an account is to a provider. No row means that it was known.
-- name: PaymentCustomerSet :execrows
insert into payment_customer (
    account_id,
    provider,
    customer_id
)
values (
    @account_id,
    @provider,
    @customer_id
)
on conflict (account_id, provider) do update
set customer_id = excluded.customer_id
where payment_customer.customer_id <> excluded.customer_id;

-- name: PaymentCustomerByAccount :one
select customer_id
from payment_customer
where account_id = @account_id and provider = @provider;

-- Index: payment_customer_id.
-- name: PaymentCustomerAccount :one
select account_id
from payment_customer
where provider = @provider and customer_id = @customer_id
order by account_id
limit 1;
