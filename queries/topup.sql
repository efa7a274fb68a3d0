-- What decides about an automatic purchase beside the rule and the balance: what
-- was bought in the month, whether a purchase was refunded or disputed since the
-- rule was set, whether another attempt is in flight, and the reason of the newest
-- attempt if that was not to charge. Read behind the account's lock.
-- Index: topup_attempt_in_flight, purchase_auto_topup, topup_attempt_account.
-- name: TopUpFacts :one
select
    exists (
        select 1
        from topup_attempt as p
        where p.account_id = @account_id::uuid and p.state = 'pending' and p.id <> @own_id::uuid) as in_flight,
    coalesce((
        select sum(b.price_micros)
        from purchase as b
        where b.account_id = @account_id::uuid
          and b.origin = 'auto_topup'
          and b.state <> 'failed'
          and b.create_time >= @month_start::timestamptz
          and b.create_time < @month_end::timestamptz), 0)::bigint as spent_micros,
    exists (
        select 1
        from auto_topup as r
        join purchase as b on b.account_id = r.account_id and b.create_time >= r.update_time
        where r.account_id = @account_id::uuid
          and b.origin = 'auto_topup'
          and b.state in ('refunded', 'disputed')) as taken_back,
    coalesce(newest.id, @own_id::uuid)::uuid as newest_id,
    coalesce(newest.reason, '')::text as newest_reason
from (select 1) as one
left join lateral (
    select t.id, case t.state when 'skipped' then t.reason else '' end as reason
    from topup_attempt as t
    where t.account_id = @account_id::uuid
    order by t.create_time desc, t.id desc
    limit 1
) as newest on true;

-- name: TopUpAttemptInsert :exec
insert into topup_attempt (
    id,
    account_id,
    journal_seq,
    state,
    reason,
    next_time,
    create_time,
    settle_time
)
values (
    @id,
    @account_id,
    @journal_seq,
    @state,
    @reason,
    @create_time,
    @create_time,
    sqlc.narg('settle_time')
);

-- Counts one more decision for the same reason.
-- name: TopUpAttemptFold :execrows
update topup_attempt
set decisions   = decisions + 1,
    last_seq    = @last_seq::bigint,
    settle_time = @settle_time
where id = @id and state = 'skipped';

-- Takes attempts that are due, for as long as the lease lasts; other nodes take
-- others.
-- Index: topup_attempt_next.
-- name: TopUpAttemptClaimMany :many
with due as materialized (
    select d.id
    from topup_attempt as d
    where d.state = 'pending' and d.next_time <= @now
    order by d.next_time
    limit @max_attempts
    for update skip locked
)
update topup_attempt as t
set tries     = t.tries + 1,
    next_time = @lease_until
from due
where t.id = due.id
returning t.*;

-- An attempt in flight as it stands behind the account's lock.
-- name: TopUpAttemptPending :one
select *
from topup_attempt
where id = @id and state = 'pending';

-- Ties the purchase to the attempt before anybody is charged.
-- name: TopUpAttemptBegin :execrows
update topup_attempt
set purchase_id = @purchase_id::uuid
where id = @id and state = 'pending' and purchase_id is null;

-- name: TopUpAttemptRetryAt :execrows
update topup_attempt
set next_time = @next_time
where id = @id and state = 'pending';

-- name: TopUpAttemptSettle :execrows
update topup_attempt
set state       = @state,
    reason      = @reason,
    settle_time = @settle_time
where id = @id and state = 'pending';

-- Ends the account's attempt in flight, unless its purchase has begun.
-- Index: topup_attempt_in_flight.
-- name: TopUpAttemptStop :execrows
update topup_attempt
set state       = 'skipped',
    reason      = @reason,
    settle_time = @settle_time
where account_id = @account_id and state = 'pending' and purchase_id is null;

-- name: AutoTopUpByAccount :one
select *
from auto_topup
where account_id = @account_id;

-- Replaces the rule. Consent given anew lifts a suspension and a pause.
-- name: AutoTopUpPut :one
insert into auto_topup (
    account_id,
    enabled,
    threshold_seconds,
    package_id,
    monthly_cap_micros,
    consent_version,
    consent_time,
    update_time
)
values (
    @account_id,
    @enabled,
    @threshold_seconds,
    @package_id,
    @monthly_cap_micros,
    @consent_version,
    sqlc.narg('consent_time'),
    @update_time
)
on conflict (account_id) do update
set enabled            = excluded.enabled,
    threshold_seconds  = excluded.threshold_seconds,
    package_id         = excluded.package_id,
    monthly_cap_micros = excluded.monthly_cap_micros,
    consent_version    = excluded.consent_version,
    consent_time       = excluded.consent_time,
    update_time        = excluded.update_time,
    declines           = 0,
    pause_until        = null,
    suspended          = false,
    review_time        = null
returning *;

-- Writes what attempts did to the rule.
-- name: AutoTopUpUpdateState :execrows
update auto_topup
set declines    = @declines,
    pause_until = sqlc.narg('pause_until'),
    suspended   = @suspended,
    review_time = sqlc.narg('review_time')
where account_id = @account_id;

-- name: AutoTopUpReviewAt :execrows
update auto_topup
set review_time = sqlc.narg('review_time')
where account_id = @account_id;

-- Accounts whose rule is to be looked at again.
-- Index: auto_topup_review.
-- name: AutoTopUpDueMany :many
select account_id
from auto_topup
where review_time <= @now::timestamptz
order by review_time
limit @max_accounts;

-- name: TopUpPurchaseInsert :one
insert into purchase (
    id,
    account_id,
    package_id,
    seconds,
    price_micros,
    currency_code,
    life_seconds,
    origin,
    provider,
    create_time
)
values (
    @id,
    @account_id,
    @package_id,
    @seconds,
    @price_micros,
    @currency_code,
    sqlc.narg('life_seconds'),
    'auto_topup',
    @provider,
    @create_time
)
returning *;

-- name: TopUpPurchaseFailed :execrows
update purchase
set state = 'failed'
where id = @id and state = 'open';
