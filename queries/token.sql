-- name: TokenKeyList :many
-- All token keys, first the one that signs: the newest that every node must have
-- read by now. There are two keys without that only in the first minutes.
SELECT id, secret FROM token_keys
ORDER BY create_time <= clock_timestamp() - interval '1 second' * @settle_seconds::bigint DESC, id DESC
LIMIT 255;

-- name: TokenKeyInsertFirst :exec
-- Makes the first key unless another node was quicker.
INSERT INTO token_keys (id, secret) VALUES (1, @secret) ON CONFLICT (id) DO NOTHING;

-- name: TokenKeyRotate :execrows
-- Makes the next key if the newest one is old enough and no other node was
-- quicker.
INSERT INTO token_keys (id, secret)
SELECT max(id) + 1, @secret
FROM token_keys
HAVING max(create_time) < clock_timestamp() - interval '1 second' * @age_seconds::bigint AND max(id) < 255
ON CONFLICT (id) DO NOTHING;

-- name: TokenKeyDrop :execrows
-- Drops the keys that have not signed for so long that no token of theirs can
-- still be of use.
DELETE FROM token_keys
WHERE id < (
    SELECT max(id) FROM token_keys
    WHERE create_time < clock_timestamp() - interval '1 second' * @age_seconds::bigint
);
