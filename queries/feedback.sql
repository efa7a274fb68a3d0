-- name: RecommendationInteractionNote :one
-- Notes what a user did with what was proposed for a build of theirs, in the given
-- order, and returns which of it is new. Without a recommendation's id the item is
-- a quick suggestion, which every build has. No row: no such build or item of the
-- user.
WITH item AS (
    SELECT b.id AS build_id, coalesce(r.kind, '') AS kind
    FROM builds b
    LEFT JOIN recommendations r ON r.build_id = b.id AND r.id = sqlc.narg('recommendation_id')::uuid
    WHERE b.id = @build_id
      AND b.user_id = @user_id
      AND (sqlc.narg('recommendation_id')::uuid IS NULL OR r.id IS NOT NULL)
), noted AS (
    INSERT INTO recommendation_interactions (build_id, item_id, interaction)
    SELECT item.build_id, @item_id::text, did.interaction
    FROM item, unnest(@interactions::text[]) WITH ORDINALITY AS did (interaction, place)
    ORDER BY did.place
    ON CONFLICT (build_id, item_id, interaction) DO NOTHING
    RETURNING interaction
)
SELECT item.kind::text AS kind, ARRAY(SELECT interaction FROM noted)::text[] AS noted
FROM item;

-- name: RecommendationPrompt :one
-- The prompt of a recommendation for a build of a user, of any revision.
SELECT r.prompt
FROM recommendations r
JOIN builds b ON b.id = r.build_id
WHERE r.id = @id AND r.build_id = @build_id AND b.user_id = @user_id;

-- name: RecommendationRatios :one
-- What became of what was proposed for the newest builds: those of the last hours,
-- at most so many. Not a number where there is nothing to divide by. Build ids sort
-- by time, so the primary key finds them.
SELECT
    coalesce(count(*) FILTER (WHERE o.shown)::float8
        / nullif(count(*) FILTER (WHERE o.generated), 0), 'NaN')::float8 AS shown,
    coalesce(count(*) FILTER (WHERE o.generated AND NOT o.shown)::float8
        / nullif(count(*) FILTER (WHERE o.generated), 0), 'NaN')::float8 AS not_shown,
    coalesce(count(*) FILTER (WHERE o.accepted)::float8
        / nullif(count(*) FILTER (WHERE o.shown), 0), 'NaN')::float8 AS accepted,
    coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY o.after_build_seconds), 'NaN')::float8 AS after_build_p50_seconds
FROM (
    SELECT * FROM recommendation_outcomes
    WHERE build_id >= (
        lpad(to_hex((extract(epoch FROM now() - make_interval(hours => @hours::integer)) * 1000)::bigint), 12, '0')
        || repeat('0', 20))::uuid
    ORDER BY build_id DESC
    LIMIT @max_builds
) o;
