-- The audit: a query for each rule of the ledger, that finds what breaks it, in
-- all accounts or in one. They read whole tables, each a few times at most, and
-- join by keys; they lock nothing. What they say is meant for operators.

-- What an account has is what its grants have.
-- name: AuditTotalsMatchGrants :many
select
    a.id as account_id,
    format('granted, free, held, consumed, lapsed: the account says %s, its grants %s',
        array[a.granted_seconds, a.free_seconds, a.held_seconds, a.consumed_seconds, a.lapsed_seconds],
        array[g.granted, g.free, g.held, g.consumed, g.lapsed])::text as description
from account as a
left join (
    select
        account_id,
        sum(seconds)::bigint as granted,
        sum(free_seconds)::bigint as free,
        sum(held_seconds)::bigint as held,
        sum(consumed_seconds)::bigint as consumed,
        sum(lapsed_seconds)::bigint as lapsed
    from credit_grant
    where sqlc.narg('account_id')::uuid is null or account_id = sqlc.narg('account_id')::uuid
    group by account_id
) as g on g.account_id = a.id
where (sqlc.narg('account_id')::uuid is null or a.id = sqlc.narg('account_id')::uuid)
    and (a.granted_seconds, a.free_seconds, a.held_seconds, a.consumed_seconds, a.lapsed_seconds)
        is distinct from (coalesce(g.granted, 0), coalesce(g.free, 0), coalesce(g.held, 0), coalesce(g.consumed, 0), coalesce(g.lapsed, 0))
limit @max_rows;

-- What an account has is what its journal adds up to.
-- name: AuditTotalsMatchJournal :many
select
    a.id as account_id,
    format('granted, free, held, consumed, lapsed, shortfall: the account says %s, its journal %s',
        array[a.granted_seconds, a.free_seconds, a.held_seconds, a.consumed_seconds, a.lapsed_seconds, a.shortfall_seconds],
        array[j.granted, j.free, j.held, j.consumed, j.lapsed, j.shortfall])::text as description
from account as a
left join (
    select
        account_id,
        sum(granted_delta)::bigint as granted,
        sum(free_delta)::bigint as free,
        sum(held_delta)::bigint as held,
        sum(consumed_delta)::bigint as consumed,
        sum(lapsed_delta)::bigint as lapsed,
        sum(shortfall_seconds)::bigint as shortfall
    from journal
    where sqlc.narg('account_id')::uuid is null or account_id = sqlc.narg('account_id')::uuid
    group by account_id
) as j on j.account_id = a.id
where (sqlc.narg('account_id')::uuid is null or a.id = sqlc.narg('account_id')::uuid)
    and (a.granted_seconds, a.free_seconds, a.held_seconds, a.consumed_seconds, a.lapsed_seconds, a.shortfall_seconds)
        is distinct from (coalesce(j.granted, 0), coalesce(j.free, 0), coalesce(j.held, 0), coalesce(j.consumed, 0), coalesce(j.lapsed, 0), coalesce(j.shortfall, 0))
limit @max_rows;

-- A journal counts 1, 2, 3 … up to the account's version.
-- name: AuditSeqGapless :many
select
    a.id as account_id,
    format('the account is at %s, its journal has %s rows up to %s', a.seq, coalesce(j.entries, 0), coalesce(j.last, 0))::text as description
from account as a
left join (
    select
        account_id,
        count(*) as entries,
        max(seq)::bigint as last
    from journal
    where sqlc.narg('account_id')::uuid is null or account_id = sqlc.narg('account_id')::uuid
    group by account_id
) as j on j.account_id = a.id
where (sqlc.narg('account_id')::uuid is null or a.id = sqlc.narg('account_id')::uuid)
    and (a.seq <> coalesce(j.entries, 0) or a.seq <> coalesce(j.last, 0))
limit @max_rows;

-- Time never runs backwards in a journal, and each operation is later than the
-- one before: only what opening the account made due shares the time of what
-- follows it.
-- name: AuditTimesAscend :many
select
    t.account_id,
    format('row %s of %s follows a row of kind %s of %s', t.seq, t.create_time at time zone 'UTC', t.kind_before, t.time_before at time zone 'UTC')::text as description
from (
    select
        j.account_id,
        j.seq,
        j.create_time,
        lag(j.create_time) over chain as time_before,
        lag(j.kind) over chain as kind_before,
        lag(j.idempotency_key is not null) over chain as keyed_before
    from journal as j
    where sqlc.narg('account_id')::uuid is null or j.account_id = sqlc.narg('account_id')::uuid
    window chain as (partition by j.account_id order by j.seq)
) as t
where t.create_time < t.time_before
    or (t.create_time = t.time_before
        and (t.keyed_before or t.kind_before not in ('grant', 'lapse', 'expire')))
limit @max_rows;

-- Each row of a journal has the hash of the one before, and its own is that of
-- its text. The text is that of Entry.Digest in package meter.
-- name: AuditChainIntact :many
select
    c.account_id,
    format('row %s is not what was written after row %s', c.seq, c.seq - 1)::text as description
from (
    select
        j.account_id,
        j.seq,
        j.prev_hash,
        j.hash,
        lag(j.hash, 1, decode(repeat('00', 32), 'hex')) over (partition by j.account_id order by j.seq) as hash_before,
        sha256(j.prev_hash || convert_to(concat_ws('|',
            j.account_id, j.seq, j.kind, (extract(epoch from j.create_time) * 1000000)::bigint,
            coalesce(j.hold_id::text, ''), coalesce(j.build_id::text, ''),
            coalesce(j.operation, ''), coalesce(j.outcome, ''),
            j.active_ms, j.billable_seconds, j.shortfall_seconds, j.cost_micros,
            (extract(epoch from j.expire_time) * 1000000)::bigint,
            j.lines::text, j.balance::text,
            coalesce(encode(j.fingerprint, 'hex'), ''), coalesce(j.idempotency_key, '')), 'UTF8')) as digest
    from journal as j
    where sqlc.narg('account_id')::uuid is null or j.account_id = sqlc.narg('account_id')::uuid
) as c
where c.prev_hash <> c.hash_before or c.hash <> c.digest
limit @max_rows;

-- An account knows the hash and the time of its journal's last row.
-- name: AuditHeadMatchesChain :many
select
    a.id as account_id,
    format('the account does not end like row %s of its journal', a.seq)::text as description
from account as a
left join journal as j on j.account_id = a.id and j.seq = a.seq
where (sqlc.narg('account_id')::uuid is null or a.id = sqlc.narg('account_id')::uuid)
    and (a.chain_head <> coalesce(j.hash, decode(repeat('00', 32), 'hex'))
        or a.last_time <> coalesce(j.create_time, 'epoch'))
limit @max_rows;

-- What a row of the journal does to the account is what its lines do to grants.
-- name: AuditLinesMatchDeltas :many
select
    j.account_id,
    format('row %s: free, held, consumed, lapsed are %s, those of its lines %s', j.seq,
        array[j.free_delta, j.held_delta, j.consumed_delta, j.lapsed_delta],
        array[l.free, l.held, l.consumed, l.lapsed])::text as description
from journal as j
cross join lateral (
    select
        coalesce(sum(line.free), 0)::bigint as free,
        coalesce(sum(line.held), 0)::bigint as held,
        coalesce(sum(line.consumed), 0)::bigint as consumed,
        coalesce(sum(line.lapsed), 0)::bigint as lapsed
    from json_to_recordset(j.lines) as line (free bigint, held bigint, consumed bigint, lapsed bigint)
) as l
where (sqlc.narg('account_id')::uuid is null or j.account_id = sqlc.narg('account_id')::uuid)
    and (j.free_delta, j.held_delta, j.consumed_delta, j.lapsed_delta)
        is distinct from (l.free, l.held, l.consumed, l.lapsed)
limit @max_rows;

-- The balance in each row of a journal is the sum of all rows up to it.
-- name: AuditBalancesAddUp :many
select
    s.account_id,
    format('row %s: the balance is %s, the rows up to it have %s s free, %s s held, by kind %s', s.seq, s.balance, s.free, s.held,
        array[s.welcome, s.daily, s.subscription, s.package, s.promo, s.compensation])::text as description
from (
    select
        j.account_id,
        j.seq,
        j.balance,
        sum(j.free_delta) over chain as free,
        sum(j.held_delta) over chain as held,
        sum(l.welcome) over chain as welcome,
        sum(l.daily) over chain as daily,
        sum(l.subscription) over chain as subscription,
        sum(l.package) over chain as package,
        sum(l.promo) over chain as promo,
        sum(l.compensation) over chain as compensation
    from journal as j
    cross join lateral (
        select
            coalesce(sum(line.free) filter (where line.kind = 'welcome'), 0) as welcome,
            coalesce(sum(line.free) filter (where line.kind = 'daily'), 0) as daily,
            coalesce(sum(line.free) filter (where line.kind = 'subscription'), 0) as subscription,
            coalesce(sum(line.free) filter (where line.kind = 'package'), 0) as package,
            coalesce(sum(line.free) filter (where line.kind = 'promo'), 0) as promo,
            coalesce(sum(line.free) filter (where line.kind = 'compensation'), 0) as compensation
        from json_to_recordset(j.lines) as line (kind text, free bigint)
    ) as l
    where sqlc.narg('account_id')::uuid is null or j.account_id = sqlc.narg('account_id')::uuid
    window chain as (partition by j.account_id order by j.seq)
) as s
cross join lateral json_to_record(s.balance -> 'by_kind') as b (
    welcome bigint, daily bigint, subscription bigint, package bigint, promo bigint, compensation bigint)
where (s.free, s.held) is distinct from ((s.balance ->> 'spendable')::bigint, coalesce((s.balance ->> 'held')::bigint, 0))
    or (s.welcome, s.daily, s.subscription, s.package, s.promo, s.compensation)
        is distinct from (coalesce(b.welcome, 0), coalesce(b.daily, 0), coalesce(b.subscription, 0),
            coalesce(b.package, 0), coalesce(b.promo, 0), coalesce(b.compensation, 0))
limit @max_rows;

-- What a grant has is what the journal's lines add up to, and every line names a
-- grant of its account, by its kind.
-- name: AuditGrantsMatchJournal :many
select
    coalesce(g.account_id, l.account_id)::uuid as account_id,
    format('grant %s of kind %s: free, held, consumed, lapsed are %s, the journal has %s', coalesce(g.id, l.grant_id), g.kind,
        array[g.free_seconds, g.held_seconds, g.consumed_seconds, g.lapsed_seconds],
        array[l.free, l.held, l.consumed, l.lapsed])::text as description
from (
    select *
    from credit_grant
    where sqlc.narg('account_id')::uuid is null or credit_grant.account_id = sqlc.narg('account_id')::uuid
) as g
full join (
    select
        j.account_id,
        (line.item ->> 'grant')::uuid as grant_id,
        min(line.item ->> 'kind') as kind,
        max(line.item ->> 'kind') as other_kind,
        coalesce(sum((line.item ->> 'free')::bigint), 0)::bigint as free,
        coalesce(sum((line.item ->> 'held')::bigint), 0)::bigint as held,
        coalesce(sum((line.item ->> 'consumed')::bigint), 0)::bigint as consumed,
        coalesce(sum((line.item ->> 'lapsed')::bigint), 0)::bigint as lapsed
    from journal as j
    cross join json_array_elements(j.lines) as line (item)
    where sqlc.narg('account_id')::uuid is null or j.account_id = sqlc.narg('account_id')::uuid
    group by j.account_id, (line.item ->> 'grant')::uuid
) as l on l.account_id = g.account_id and l.grant_id = g.id
where (g.free_seconds, g.held_seconds, g.consumed_seconds, g.lapsed_seconds, g.kind, g.kind)
    is distinct from (l.free, l.held, l.consumed, l.lapsed, l.kind, l.other_kind)
limit @max_rows;

-- Each grant was made by one row of the journal, then, with all of its seconds,
-- and at somebody's request unless it is a gift.
-- name: AuditGrantsMadeOnce :many
select
    coalesce(g.account_id, j.account_id)::uuid as account_id,
    format('grant %s of %s s was made by %s rows, by row %s with %s s', coalesce(g.id, j.grant_id), g.seconds,
        coalesce(j.entries, 0), j.seq, j.granted_delta)::text as description
from (
    select *
    from credit_grant
    where sqlc.narg('account_id')::uuid is null or credit_grant.account_id = sqlc.narg('account_id')::uuid
) as g
full join (
    select
        m.account_id,
        m.seq,
        m.create_time,
        m.granted_delta,
        m.idempotency_key is null as unasked,
        json_array_length(m.lines) as lines,
        (m.lines -> 0 ->> 'grant')::uuid as grant_id,
        count(*) over (partition by m.account_id, m.lines -> 0 ->> 'grant') as entries
    from journal as m
    where m.kind = 'grant'
        and (sqlc.narg('account_id')::uuid is null or m.account_id = sqlc.narg('account_id')::uuid)
) as j on j.account_id = g.account_id and j.grant_id = g.id
where (g.seconds, g.create_time, g.source = 'gift', 1, 1) is distinct from (j.granted_delta, j.create_time, j.unasked, j.lines, j.entries)
limit @max_rows;

-- No second of a grant was ever in two places: none had less than nothing.
-- name: AuditNeverNegative :many
select
    r.account_id,
    format('after row %s grant %s has free, held, consumed, lapsed %s', r.seq, r.grant_id,
        array[r.free, r.held, r.consumed, r.lapsed])::text as description
from (
    select
        j.account_id,
        j.seq,
        (line.item ->> 'grant')::uuid as grant_id,
        sum(coalesce((line.item ->> 'free')::bigint, 0)) over sofar as free,
        sum(coalesce((line.item ->> 'held')::bigint, 0)) over sofar as held,
        sum(coalesce((line.item ->> 'consumed')::bigint, 0)) over sofar as consumed,
        sum(coalesce((line.item ->> 'lapsed')::bigint, 0)) over sofar as lapsed
    from journal as j
    cross join json_array_elements(j.lines) as line (item)
    where sqlc.narg('account_id')::uuid is null or j.account_id = sqlc.narg('account_id')::uuid
    window sofar as (partition by j.account_id, (line.item ->> 'grant')::uuid order by j.seq)
) as r
where least(r.free, r.held, r.consumed, r.lapsed) < 0
limit @max_rows;

-- No instant has two daily gifts, and no account two welcomes.
-- name: AuditGiftsDisjoint :many
select
    g.account_id,
    format('%s gift %s begins at %s, before the end of another', g.kind, g.id, g.create_time at time zone 'UTC')::text as description
from (
    select
        account_id,
        kind,
        id,
        create_time,
        max(coalesce(expire_time, 'infinity')) over (
            partition by account_id, kind order by create_time, id
            rows between unbounded preceding and 1 preceding) as end_before
    from credit_grant
    where source = 'gift'
        and (sqlc.narg('account_id')::uuid is null or account_id = sqlc.narg('account_id')::uuid)
) as g
where g.create_time < g.end_before
limit @max_rows;

-- An account knows its gifts, and so does the last balance in its journal.
-- name: AuditGiftsRecorded :many
select
    a.id as account_id,
    format('welcomed is %s with %s welcomes; the last daily gift ends at %s, the account says %s, its journal %s',
        a.welcomed, coalesce(g.welcomes, 0), g.until at time zone 'UTC', a.gift_until at time zone 'UTC', j.balance ->> 'gift_reset')::text as description
from account as a
left join (
    select
        account_id,
        count(*) filter (where kind = 'welcome') as welcomes,
        max(expire_time) filter (where kind = 'daily')::timestamptz as until
    from credit_grant
    where source = 'gift'
        and (sqlc.narg('account_id')::uuid is null or account_id = sqlc.narg('account_id')::uuid)
    group by account_id
) as g on g.account_id = a.id
left join journal as j on j.account_id = a.id and j.seq = a.seq
where (sqlc.narg('account_id')::uuid is null or a.id = sqlc.narg('account_id')::uuid)
    and (a.welcomed <> (coalesce(g.welcomes, 0) > 0)
        or a.gift_until is distinct from g.until
        or (j.balance ->> 'gift_reset')::timestamptz <> g.until)
limit @max_rows;

-- A grant that was taken back has nothing free, and a row of the journal took it.
-- name: AuditVoidedGiveNothing :many
select
    g.account_id,
    format('grant %s was taken back at %s and has %s s free', g.id, g.void_time at time zone 'UTC', g.free_seconds)::text as description
from credit_grant as g
left join (
    select
        v.account_id,
        v.create_time,
        (v.lines -> 0 ->> 'grant')::uuid as grant_id
    from journal as v
    where v.kind = 'void'
        and (sqlc.narg('account_id')::uuid is null or v.account_id = sqlc.narg('account_id')::uuid)
) as j on j.account_id = g.account_id and j.grant_id = g.id and j.create_time = g.void_time
where g.void_time is not null
    and (g.free_seconds > 0 or j.grant_id is null)
    and (sqlc.narg('account_id')::uuid is null or g.account_id = sqlc.narg('account_id')::uuid)
limit @max_rows;

-- What is owed of a grant is held, nothing of it is free, and a row of the journal
-- took it; of a grant that was taken back, all that is held is owed.
-- name: AuditOwedIsHeld :many
select
    g.account_id,
    format('of grant %s, taken back at %s, %s s are owed, %s s held, %s s free', g.id, g.void_time at time zone 'UTC',
        g.owed_seconds, g.held_seconds, g.free_seconds)::text as description
from credit_grant as g
where (g.owed_seconds <> 0 or g.void_time is not null)
    and (sqlc.narg('account_id')::uuid is null or g.account_id = sqlc.narg('account_id')::uuid)
    and (g.owed_seconds < 0
        or g.owed_seconds > g.held_seconds
        or (g.owed_seconds > 0 and g.free_seconds > 0)
        or (g.void_time is not null and g.owed_seconds <> g.held_seconds)
        or g.owed_seconds > 0 and not exists (
            select 1
            from journal as v
            where v.account_id = g.account_id and v.kind = 'void' and (v.lines -> 0 ->> 'grant')::uuid = g.id
        ))
limit @max_rows;

-- Whatever had ended at an account's last row was settled by then.
-- name: AuditEndedAreSettled :many
select
    a.id as account_id,
    format('%s %s ended at %s and is not settled', e.what, e.id, e.expire_time at time zone 'UTC')::text as description
from account as a
join (
    select
        'hold' as what,
        h.id,
        h.account_id,
        h.expire_time
    from hold as h
    where h.state = 'open'
    union all
    select
        'grant' as what,
        g.id,
        g.account_id,
        g.expire_time
    from credit_grant as g
    where g.open and g.free_seconds > 0 and g.expire_time is not null
) as e on e.account_id = a.id and e.expire_time <= a.last_time
where sqlc.narg('account_id')::uuid is null or a.id = sqlc.narg('account_id')::uuid
limit @max_rows;

-- An account knows when the next hold or grant ends by itself.
-- name: AuditNextDueMatches :many
select
    a.id as account_id,
    format('the next end is at %s, the account says %s', least(h.due, g.due) at time zone 'UTC', a.next_due at time zone 'UTC')::text as description
from account as a
left join (
    select
        account_id,
        min(expire_time)::timestamptz as due
    from hold
    where state = 'open'
    group by account_id
) as h on h.account_id = a.id
left join (
    select
        account_id,
        min(expire_time)::timestamptz as due
    from credit_grant
    where open and free_seconds > 0
    group by account_id
) as g on g.account_id = a.id
where (sqlc.narg('account_id')::uuid is null or a.id = sqlc.narg('account_id')::uuid)
    and a.next_due is distinct from least(h.due, g.due)
limit @max_rows;

-- A purchase that was paid has one grant with its seconds and its end, and no
-- other grant comes from a payment, but what a purchase got back after a dispute.
-- name: AuditPurchasesMatchGrants :many
select
    coalesce(p.account_id, g.account_id)::uuid as account_id,
    format('purchase %s of %s s, paid at %s for %s s, has grant %s of %s s until %s', p.id, p.seconds, p.paid_time at time zone 'UTC', coalesce(p.life_seconds::text, 'unlimited'), g.id, g.seconds, coalesce((g.expire_time at time zone 'UTC')::text, 'ever'))::text as description
from (
    select *
    from purchase
    where purchase.grant_id is not null
        and (sqlc.narg('account_id')::uuid is null or purchase.account_id = sqlc.narg('account_id')::uuid)
) as p
full join (
    select *
    from credit_grant
    where credit_grant.source = 'payment'
        and (sqlc.narg('account_id')::uuid is null or credit_grant.account_id = sqlc.narg('account_id')::uuid)
) as g on g.id = p.grant_id
where (p.account_id, p.seconds, p.paid_time + p.life_seconds * interval '1 second')
        is distinct from (g.account_id, g.seconds, g.expire_time)
    and not exists (
        select 1
        from purchase as r
        where p.id is null and r.account_id = g.account_id and g.id = any (r.restored_grant_ids)
    )
limit @max_rows;

-- Bounds the statements of a transaction, and has each planned for the accounts
-- that it is about.
-- name: AuditSettings :exec
select
    set_config('statement_timeout', @statement_timeout::text, true),
    set_config('plan_cache_mode', 'force_custom_plan', true),
    set_config('jit', 'off', true);
