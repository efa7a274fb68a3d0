-- Locks the account's row and returns it as it is then. Every change of an account
-- takes this lock first and reads the rest only afterwards, in statements of
-- their own: one that waited for the lock would decide on what it saw before.
-- name: AccountLock :one
select *
from account
where id = @id
for update;

-- Makes the account's row on first contact; a second one changes nothing.
-- name: AccountInsert :exec
insert into account (id, zone)
values (@id, @zone)
on conflict (id) do nothing;

-- name: AccountByID :one
select *
from account
where id = @id;

-- The grants that have seconds to give or to take back. With them come the
-- database's clock, which behind the account's lock is later than every change of
-- the account, and the rule for automatic purchases if it is enabled, read once.
-- The limit is far beyond what an account can have; were it met, the totals would
-- not match and the account would be refused as inconsistent.
-- Index: credit_grant_open.
-- name: GrantOpen :many
select
    sqlc.embed(g),
    clock_timestamp()::timestamptz as now,
    coalesce((select to_json(t) from auto_topup as t where t.account_id = @account_id and t.enabled), 'null')::json as top_up
from credit_grant as g
where g.account_id = @account_id and g.open
limit 100000;

-- What comes with the grants, for an account without open ones.
-- name: AccountWithoutGrants :one
select
    clock_timestamp()::timestamptz as now,
    coalesce((select to_json(t) from auto_topup as t where t.account_id = @account_id and t.enabled), 'null')::json as top_up;

-- The holds that are open, with what is decided on: a busy account has many.
-- Index: hold_open.
-- name: HoldOpen :many
select
    id,
    build_id,
    operation,
    seconds,
    grant_ids,
    grant_seconds,
    day,
    create_time,
    expire_time,
    max_seconds
from hold
where account_id = @account_id and state = 'open'
limit 100000;

-- The database's clock.
-- name: AccountClock :one
select clock_timestamp()::timestamptz as now;

-- Stores the account as it stands after an operation, if nothing came between.
-- name: AccountUpdateIfSeq :execrows
update account
set welcomed          = @welcomed,
    gift_until        = sqlc.narg('gift_until'),
    last_time         = @last_time,
    next_due          = sqlc.narg('next_due'),
    seq               = @seq,
    chain_head        = @chain_head,
    granted_seconds   = @granted_seconds,
    free_seconds      = @free_seconds,
    held_seconds      = @held_seconds,
    consumed_seconds  = @consumed_seconds,
    lapsed_seconds    = @lapsed_seconds,
    shortfall_seconds = @shortfall_seconds
where id = @id and seq = @expected_seq;

-- Accounts in which a hold or a grant has ended by itself and that was not
-- written yet, in no order.
-- Index: hold_due, credit_grant_due.
-- name: AccountDue :many
select due.account_id
from (
    (select h.account_id from hold as h where h.settle_time is null and h.expire_time <= @now limit @max_rows)
    union
    (select g.account_id from credit_grant as g where g.open and g.expire_time <= @now and g.free_seconds > 0 limit @max_rows)
) as due
limit @max_rows;

-- name: GrantInsert :exec
insert into credit_grant (
    id,
    account_id,
    kind,
    source,
    reason,
    seconds,
    free_seconds,
    held_seconds,
    consumed_seconds,
    lapsed_seconds,
    create_time,
    expire_time
)
values (
    @id,
    @account_id,
    @kind,
    @source,
    @reason,
    @seconds,
    @free_seconds,
    @held_seconds,
    @consumed_seconds,
    @lapsed_seconds,
    @create_time,
    sqlc.narg('expire_time')
);

-- Moves seconds of a grant. The account's lock is held.
-- name: GrantUpdate :execrows
update credit_grant
set free_seconds     = @free_seconds,
    held_seconds     = @held_seconds,
    consumed_seconds = @consumed_seconds,
    lapsed_seconds   = @lapsed_seconds,
    owed_seconds     = @owed_seconds,
    void_time        = sqlc.narg('void_time')
where id = @id and account_id = @account_id;

-- name: GrantByID :one
select *
from credit_grant
where id = @id and account_id = @account_id;

-- name: HoldInsert :exec
insert into hold (
    id,
    account_id,
    build_id,
    operation,
    seconds,
    grant_ids,
    grant_seconds,
    day,
    create_time,
    expire_time,
    max_seconds,
    project_size,
    quoted_seconds
)
values (
    @id,
    @account_id,
    sqlc.narg('build_id'),
    @operation,
    @seconds,
    @grant_ids::uuid[],
    @grant_seconds::bigint[],
    @day,
    @create_time,
    @expire_time,
    @max_seconds,
    @project_size,
    @quoted_seconds
);

-- Sets more aside for an open hold, and moves its end.
-- name: HoldExtendIfOpen :execrows
update hold
set seconds       = @seconds,
    grant_ids     = @grant_ids::uuid[],
    grant_seconds = @grant_seconds::bigint[],
    expire_time   = @expire_time
where id = @id and account_id = @account_id and state = 'open';

-- Ends an open hold, or puts the late charge on an expired one.
-- name: HoldSettleIfState :execrows
update hold
set state           = @state,
    settle_time     = @settle_time,
    outcome         = sqlc.narg('outcome'),
    charged_seconds = @charged_seconds
where id = @id
  and account_id = @account_id
  and (state = 'open' or (state = 'expired' and outcome is null));

-- name: HoldByID :one
select *
from hold
where id = @id and account_id = @account_id;

-- name: JournalInsert :exec
insert into journal (
    account_id,
    seq,
    kind,
    create_time,
    idempotency_key,
    fingerprint,
    hold_id,
    build_id,
    operation,
    outcome,
    active_ms,
    billable_seconds,
    shortfall_seconds,
    cost_micros,
    granted_delta,
    free_delta,
    held_delta,
    consumed_delta,
    lapsed_delta,
    lines,
    balance,
    prev_hash,
    hash,
    expire_time,
    reason
)
values (
    @account_id,
    @seq,
    @kind,
    @create_time,
    sqlc.narg('idempotency_key'),
    sqlc.narg('fingerprint'),
    sqlc.narg('hold_id'),
    sqlc.narg('build_id'),
    sqlc.narg('operation'),
    sqlc.narg('outcome'),
    @active_ms,
    @billable_seconds,
    @shortfall_seconds,
    @cost_micros,
    @granted_delta,
    @free_delta,
    @held_delta,
    @consumed_delta,
    @lapsed_delta,
    @lines,
    @balance,
    @prev_hash,
    @hash,
    sqlc.narg('expire_time'),
    @reason
);

-- The lines of a hold's rows up to a row of the journal, an array for each.
-- Index: the journal's primary key.
-- name: JournalHoldLines :one
select coalesce(json_agg(lines), '[]')::json as lines
from journal
where account_id = @account_id and hold_id = @hold_id::uuid and seq <= @seq;

-- What of a grant was held or consumed after a row of the journal.
-- Index: the journal's primary key.
-- name: JournalUsedAt :one
select coalesce(sum(coalesce(l.held, 0) + coalesce(l.consumed, 0)), 0)::bigint as used
from journal as j,
    json_to_recordset(j.lines) as l ("grant" uuid, held bigint, consumed bigint)
where j.account_id = @account_id and j.seq <= @seq and l."grant" = @grant_id::uuid;

-- The answer that a key has got, if any. Read behind the account's lock.
-- Index: journal_once.
-- name: JournalByKey :one
select *
from journal
where account_id = @account_id and idempotency_key = @idempotency_key::text;

-- What ended a hold, or the late commit after its expiry.
-- Index: journal_hold_end.
-- name: JournalByHoldEnd :one
select *
from journal
where hold_id = @hold_id::uuid
  and account_id = @account_id
  and kind in ('commit', 'release', 'expire', 'late_commit')
order by seq desc
limit 1;

-- The commits of a build after a row of the journal, oldest first. There are none
-- while a hold of the build is open; once the first were read, another hold hides
-- no others. A build has few holds.
-- Index: hold_build, then journal_hold_end.
-- name: JournalCommitsByBuild :many
select j.*
from hold as h
join journal as j on j.hold_id = h.id and j.kind in ('commit', 'late_commit')
where h.build_id = @build_id::uuid
  and h.account_id = @account_id
  and j.seq > @after_seq
  and (
      @after_seq > 0
      or not exists (
          select 1
          from hold as o
          where o.build_id = @build_id::uuid and o.account_id = @account_id and o.state = 'open'
      )
  )
order by j.seq
limit @page_size;

-- A page of the journal, newest first, out of a span of it: its rows are counted
-- without gap, so a span bounds what is read whatever is asked for.
-- Index: the journal's primary key.
-- name: JournalPage :many
select *
from journal
where account_id = @account_id
  and seq between @first_seq and @last_seq
  and (cardinality(@kinds::text[]) = 0 or kind = any (@kinds::text[]))
  and (sqlc.narg('build_id')::uuid is null or build_id = sqlc.narg('build_id')::uuid)
order by seq desc
limit @page_size;

-- The number of the last row; 0 for an account that nobody has met.
-- name: JournalLastSeq :one
select coalesce(max(seq), 0)::bigint as seq
from journal
where account_id = @account_id;

-- When a build's holds began, and the last row that ended one; no such row is
-- the last while one is open. A build has few holds.
-- Index: hold_build, then journal_hold_end.
-- name: JournalBuildSpan :one
select
    min(h.create_time)::timestamptz as begin_time,
    bool_or(h.state = 'open')::boolean as open,
    coalesce(max(e.seq), 0)::bigint as last_seq
from hold as h
left join journal as e on e.hold_id = h.id and e.kind in ('commit', 'release', 'expire', 'late_commit')
where h.build_id = @build_id::uuid and h.account_id = @account_id
having count(*) > 0;

-- How many rows a journal has from before an instant. Rows are in the order of
-- time, so halving finds it: twenty rows are read of a million.
-- Index: the journal's primary key.
-- name: JournalCountBefore :one
with recursive span (low, high) as (
    select
        0::bigint as low,
        @last_seq::bigint as high
    union all
    select
        case when half.earlier then half.seq else span.low end as low,
        case when half.earlier then span.high else half.seq - 1 end as high
    from span
    cross join lateral (
        select
            (span.low + span.high + 1) / 2 as seq,
            (
                select j.create_time < @instant::timestamptz
                from journal as j
                where j.account_id = @account_id and j.seq = (span.low + span.high + 1) / 2
            ) as earlier
    ) as half
    where span.low < span.high
)
select span.low
from span
where span.low >= span.high
limit 1;

-- name: GrantReasonsMany :many
select id, reason
from credit_grant
where account_id = @account_id and id = any (@ids::uuid[]) and reason <> ''
limit 1000;

-- Counts one operation on its day.
-- name: UsageAdd :exec
insert into usage_daily (
    account_id,
    day,
    operation,
    operations,
    consumed_seconds,
    cost_micros
)
values (
    @account_id,
    @day,
    @operation,
    1,
    @consumed_seconds,
    @cost_micros
)
on conflict (account_id, day, operation) do update
set operations       = usage_daily.operations + 1,
    consumed_seconds = usage_daily.consumed_seconds + excluded.consumed_seconds,
    cost_micros      = usage_daily.cost_micros + excluded.cost_micros;

-- What was used on days of an account, in the order of days and operations.
-- name: UsageList :many
select *
from usage_daily
where account_id = @account_id
  and day between @first_day and @last_day
  and (cardinality(@operations::text[]) = 0 or operation = any (@operations::text[]))
order by day, operation
limit @max_rows;

-- The zone whose midnights divide an account's days, and the time.
-- name: AccountZone :one
select
    coalesce((select a.zone from account as a where a.id = @id), @default_zone)::text as zone,
    clock_timestamp()::timestamptz as now;

-- How long the operations took that succeeded in a span of time, per hour, by
-- operation, size and billable seconds, and how many of them had been quoted a
-- time and kept to it. Settled are those from before an instant within the span.
-- The limit is far above what 30 days can have.
-- Index: journal_time, then the hold's primary key.
-- name: EstimateCounts :many
select
    date_trunc('hour', j.create_time, 'UTC')::timestamptz as hour,
    (j.create_time < @settle_time::timestamptz)::boolean as settled,
    h.operation,
    h.project_size,
    least(j.billable_seconds, 86400)::bigint as seconds,
    count(*)::bigint as samples,
    (count(*) filter (where h.quoted_seconds > 0))::bigint as quoted,
    (count(*) filter (where h.quoted_seconds > 0 and j.billable_seconds <= h.quoted_seconds))::bigint as covered
from journal as j
join hold as h on h.id = j.hold_id
where j.create_time >= @start_time
  and j.create_time < @end_time
  and j.kind in ('commit', 'late_commit')
  and j.outcome = 'succeeded'
group by 1, 2, 3, 4, 5
limit 1000000;
