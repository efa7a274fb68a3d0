-- +goose Up

-- What asks whether anybody refers to a content.
CREATE INDEX build_files_by_digest ON build_files (digest);
CREATE INDEX version_files_by_digest ON version_files (digest);

-- Where the search for contents that nobody refers to goes on: one row.
CREATE TABLE blob_sweep (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- The folder among 256, and the place in it that the store gave; empty for
    -- its beginning.
    folder     integer NOT NULL DEFAULT 0 CHECK (folder BETWEEN 0 AND 255),
    page_token bytea   NOT NULL DEFAULT ''
);
INSERT INTO blob_sweep DEFAULT VALUES;

-- +goose Down
DROP TABLE blob_sweep;
DROP INDEX version_files_by_digest;
DROP INDEX build_files_by_digest;
