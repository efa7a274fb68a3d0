-- Keep the journal's index of time up to date as the journal grows. Without it,
-- what was written since the last vacuum, up to a fifth of the journal, is read
-- whole by everyone who asks for the newest rows.

-- +goose Up
alter index journal_time set (autosummarize = on);

-- +goose Down
alter index journal_time reset (autosummarize);
