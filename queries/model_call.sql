-- name: ModelCallInsert :one
-- Stores calls, if the lease is still the worker's: 0 otherwise. One that is
-- stored already, or whose key has succeeded, changes nothing.
WITH held AS (
    SELECT b.id FROM builds b WHERE b.id = @build_id AND b.lease_token = @lease_token FOR UPDATE
), stored AS (
    INSERT INTO model_calls (
        build_id,
        key,
        attempt,
        engine,
        model,
        input_tokens,
        cache_read_tokens,
        cache_write_tokens,
        output_tokens,
        cost_micros,
        failed
    )
    SELECT held.id,
           c.key,
           c.attempt,
           @engine::text,
           c.model,
           c.input_tokens,
           c.cache_read_tokens,
           c.cache_write_tokens,
           c.output_tokens,
           c.cost_micros,
           c.failed
    FROM held,
         ROWS FROM (
             unnest(@keys::text[]),
             unnest(@attempts::integer[]),
             unnest(@models::text[]),
             unnest(@input_tokens::bigint[]),
             unnest(@cache_read_tokens::bigint[]),
             unnest(@cache_write_tokens::bigint[]),
             unnest(@output_tokens::bigint[]),
             unnest(@cost_micros::bigint[]),
             unnest(@failed::boolean[])
         ) AS c (
             key, attempt, model, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, cost_micros, failed
         )
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM held;

-- name: ModelCallList :many
-- The calls of a build, in the order of their keys.
SELECT * FROM model_calls WHERE build_id = @build_id ORDER BY key, attempt LIMIT 1000;

-- name: ModelCallUncounted :one
-- What the calls of a build cost that no step has counted yet.
SELECT greatest(
    coalesce((SELECT sum(c.cost_micros) FROM model_calls c WHERE c.build_id = @build_id), 0)
    - coalesce((SELECT sum(s.cost_micros) FROM build_steps s WHERE s.build_id = @build_id), 0),
    0)::bigint AS cost_micros;
