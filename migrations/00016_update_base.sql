-- +goose Up

-- The version that an update changes: the project's current one when the build
-- began. A takeover works on the same.
ALTER TABLE builds ADD COLUMN base_version_id uuid REFERENCES versions (id);

-- +goose Down
ALTER TABLE builds DROP COLUMN base_version_id;
