-- What an account has held is what its open holds have.
-- name: AuditHoldsMatchHeld :many
select
    a.id as account_id,
    format('%s s are held, open holds have %s s', a.held_seconds, coalesce(h.seconds, 0))::text as description
from account as a
left join (
    select
        account_id,
        sum(seconds)::bigint as seconds
    from hold
    where state = 'open'
    group by account_id
) as h on h.account_id = a.id
where (sqlc.narg('account_id')::uuid is null or a.id = sqlc.narg('account_id')::uuid)
    and a.held_seconds <> coalesce(h.seconds, 0)
limit @max_rows;

-- What a grant has held is what open holds have of it.
-- name: AuditHoldsMatchGrants :many
select
    coalesce(g.account_id, h.account_id)::uuid as account_id,
    format('of grant %s %s s are held, open holds have %s s of it', coalesce(g.id, h.grant_id), g.held_seconds, h.seconds)::text as description
from (
    select *
    from credit_grant
    where credit_grant.open
        and (sqlc.narg('account_id')::uuid is null or credit_grant.account_id = sqlc.narg('account_id')::uuid)
) as g
full join (
    select
        o.account_id,
        o.grant_ids[i.i] as grant_id,
        sum(o.grant_seconds[i.i])::bigint as seconds
    from hold as o
    cross join generate_series(1, cardinality(o.grant_ids)) as i (i)
    where o.state = 'open'
        and (sqlc.narg('account_id')::uuid is null or o.account_id = sqlc.narg('account_id')::uuid)
    group by o.account_id, o.grant_ids[i.i]
) as h on h.account_id = g.account_id and h.grant_id = g.id
where g.id is null or g.held_seconds <> coalesce(h.seconds, 0)
limit @max_rows;

-- A hold took from its grants what it says, and its end moved all of it on.
-- name: AuditHoldsMatchLines :many
select
    coalesce(h.account_id, l.account_id)::uuid as account_id,
    format('%s hold %s has %s s of grant %s; it took %s s and gave up %s s', h.state, coalesce(h.id, l.hold_id), h.seconds,
        coalesce(h.grant_id, l.grant_id), l.taken, l.given)::text as description
from (
    select
        o.account_id,
        o.id,
        o.state,
        o.grant_ids[i.i] as grant_id,
        sum(o.grant_seconds[i.i])::bigint as seconds
    from hold as o
    cross join generate_series(1, cardinality(o.grant_ids)) as i (i)
    where sqlc.narg('account_id')::uuid is null or o.account_id = sqlc.narg('account_id')::uuid
    group by o.account_id, o.id, o.state, o.grant_ids[i.i]
) as h
full join (
    select
        j.account_id,
        j.hold_id,
        (line.item ->> 'grant')::uuid as grant_id,
        coalesce(sum((line.item ->> 'held')::bigint) filter (where j.kind in ('hold', 'extend')), 0)::bigint as taken,
        coalesce(-sum((line.item ->> 'held')::bigint) filter (where j.kind not in ('hold', 'extend')), 0)::bigint as given
    from journal as j
    cross join json_array_elements(j.lines) as line (item)
    where j.hold_id is not null and (line.item ->> 'held') is not null
        and (sqlc.narg('account_id')::uuid is null or j.account_id = sqlc.narg('account_id')::uuid)
    group by j.account_id, j.hold_id, (line.item ->> 'grant')::uuid
) as l on l.account_id = h.account_id and l.hold_id = h.id and l.grant_id = h.grant_id
where (h.seconds, case h.state when 'open' then 0 else h.seconds end) is distinct from (l.taken, l.given)
limit @max_rows;

-- What the journal says of a hold is the hold's: operation, build, beginning, and
-- the end that it was last given. Its seconds are those of its grants.
-- name: AuditHoldsMatchEntries :many
select
    h.account_id,
    format('hold %s is not what its rows in the journal say', h.id)::text as description
from hold as h
left join (
    select
        account_id,
        hold_id,
        min(operation) as operation,
        max(operation) as other_operation,
        count(distinct build_id) as builds,
        max(build_id::text) as build,
        count(*) filter (where kind = 'hold') as begun,
        max(create_time) filter (where kind = 'hold')::timestamptz as create_time,
        max(expire_time)::timestamptz as expire_time
    from journal
    where hold_id is not null
        and (sqlc.narg('account_id')::uuid is null or account_id = sqlc.narg('account_id')::uuid)
    group by account_id, hold_id
) as j on j.account_id = h.account_id and j.hold_id = h.id
where (sqlc.narg('account_id')::uuid is null or h.account_id = sqlc.narg('account_id')::uuid)
    and ((h.operation, h.operation, h.build_id::text, 1, h.create_time)
            is distinct from (j.operation, j.other_operation, j.build, j.begun, j.create_time)
        or j.builds > 1
        or h.seconds <> bigint_sum(h.grant_seconds)
        -- Rows from before there were extensions do not say the end.
        or h.expire_time <> coalesce(j.expire_time, h.expire_time))
limit @max_rows;

-- A settled hold has one terminal event, the one that its state names, and an
-- open one none. Only an expired hold may be charged later, once.
-- name: AuditHoldsEndOnce :many
select
    h.account_id,
    format('%s hold %s of outcome %s has %s ends (%s) and %s late commits of outcome %s', h.state, h.id, h.outcome,
        coalesce(j.ends, 0), j.kinds, coalesce(j.late, 0), j.outcome)::text as description
from hold as h
left join (
    select
        account_id,
        hold_id,
        count(*) filter (where kind <> 'late_commit') as ends,
        string_agg(kind, ', ' order by seq) filter (where kind <> 'late_commit') as kinds,
        max(create_time) filter (where kind <> 'late_commit')::timestamptz as settle_time,
        max(seq) filter (where kind <> 'late_commit') as end_seq,
        count(*) filter (where kind = 'late_commit') as late,
        min(seq) filter (where kind = 'late_commit') as late_seq,
        string_agg(outcome, ', ' order by seq) as outcome
    from journal
    where kind in ('commit', 'release', 'expire', 'late_commit')
        and (sqlc.narg('account_id')::uuid is null or account_id = sqlc.narg('account_id')::uuid)
    group by account_id, hold_id
) as j on j.account_id = h.account_id and j.hold_id = h.id
where (sqlc.narg('account_id')::uuid is null or h.account_id = sqlc.narg('account_id')::uuid)
    and ((case h.state when 'committed' then 'commit' when 'released' then 'release' when 'expired' then 'expire' end, h.settle_time, h.outcome)
            is distinct from (j.kinds, j.settle_time, j.outcome)
        or coalesce(j.late, 0) <> (h.state = 'expired' and h.outcome is not null)::integer
        or j.late_seq < j.end_seq)
limit @max_rows;

-- What a hold was charged is what its commit consumed.
-- name: AuditChargesMatchJournal :many
select
    h.account_id,
    format('hold %s was charged %s s, its rows consumed %s s', h.id, h.charged_seconds, coalesce(j.consumed, 0))::text as description
from hold as h
left join (
    select
        account_id,
        hold_id,
        sum(consumed_delta)::bigint as consumed
    from journal
    where kind in ('commit', 'late_commit')
        and (sqlc.narg('account_id')::uuid is null or account_id = sqlc.narg('account_id')::uuid)
    group by account_id, hold_id
) as j on j.account_id = h.account_id and j.hold_id = h.id
where (sqlc.narg('account_id')::uuid is null or h.account_id = sqlc.narg('account_id')::uuid)
    and h.charged_seconds <> coalesce(j.consumed, 0)
limit @max_rows;

-- A commit asks for what its outcome makes the user pay, and never for more than
-- was approved: nothing for failures that are not the user's, the planning at
-- most for a violation of the content policy, all that is billable otherwise.
-- name: AuditChargesAreDue :many
select
    j.account_id,
    format('row %s of outcome %s charges %s s with a shortfall of %s s; %s s are billable, %s s approved', j.seq, j.outcome,
        j.consumed_delta, j.shortfall_seconds, j.billable_seconds, h.max_seconds)::text as description
from journal as j
join hold as h on h.id = j.hold_id
cross join lateral (
    select
        least(j.billable_seconds, coalesce(nullif(h.max_seconds, 0), j.billable_seconds)) as due,
        j.consumed_delta + j.shortfall_seconds as asked
) as c
where j.kind in ('commit', 'late_commit')
    and (sqlc.narg('account_id')::uuid is null or j.account_id = sqlc.narg('account_id')::uuid)
    and case j.outcome
        when 'failed_platform' then c.asked <> 0
        when 'failed_provider' then c.asked <> 0
        when 'failed_policy' then c.asked > c.due
        else c.asked <> c.due
    end
limit @max_rows;

-- What the days say was used is what commits consumed, with what they cost.
-- name: AuditUsageMatchesConsumed :many
select
    coalesce(u.account_id, j.account_id)::uuid as account_id,
    format('%s on %s: operations, seconds, cost are %s, the journal has %s', coalesce(u.operation, j.operation), coalesce(u.day, j.day),
        array[u.operations, u.consumed_seconds, u.cost_micros], array[j.operations, j.consumed, j.cost])::text as description
from (
    select *
    from usage_daily
    where sqlc.narg('account_id')::uuid is null or usage_daily.account_id = sqlc.narg('account_id')::uuid
) as u
full join (
    select
        c.account_id,
        h.day,
        h.operation,
        count(*) as operations,
        sum(c.consumed_delta)::bigint as consumed,
        sum(c.cost_micros)::bigint as cost
    from journal as c
    join hold as h on h.id = c.hold_id
    where c.kind in ('commit', 'late_commit')
        and (sqlc.narg('account_id')::uuid is null or c.account_id = sqlc.narg('account_id')::uuid)
    group by c.account_id, h.day, h.operation
) as j on j.account_id = u.account_id and j.day = u.day and j.operation = u.operation
where (u.operations, u.consumed_seconds, u.cost_micros) is distinct from (j.operations, j.consumed, j.cost)
limit @max_rows;
