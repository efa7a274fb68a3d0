-- Packages that end: how long after the payment. A purchase keeps what it was for.

-- +goose Up
alter table package
    -- Null: never. At most a hundred years.
    add column life_seconds bigint check (life_seconds between 1 and 3153600000);

alter table purchase
    add column life_seconds bigint check (life_seconds between 1 and 3153600000);

-- +goose Down
alter table purchase drop column life_seconds;
alter table package drop column life_seconds;
