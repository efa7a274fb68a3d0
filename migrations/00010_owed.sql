-- What was taken back while it was held, and what a dispute found.

-- +goose Up

-- What was taken back of a grant while holds had it: what they give back lapses
-- until as much has. All of it was, where the grant was voided whole.
alter table credit_grant add column owed_seconds bigint not null default 0;
update credit_grant set owed_seconds = held_seconds where void_time is not null and held_seconds > 0;
alter table credit_grant
    add constraint credit_grant_owed check (
        owed_seconds between 0 and held_seconds
        and (owed_seconds = 0 or free_seconds = 0)
        and (void_time is null or owed_seconds = held_seconds));

-- What the account had of the purchase when it was disputed, used or not: a
-- dispute that is won gives back no more.
alter table purchase add column disputed_seconds bigint not null default 0 check (disputed_seconds >= 0);
update purchase set disputed_seconds = seconds where state = 'disputed';

-- +goose Down
alter table purchase drop column disputed_seconds;
alter table credit_grant drop column owed_seconds;
