-- Which recommendation a build was started with, and what becomes of what is
-- proposed.

-- +goose Up
ALTER TABLE builds
    -- The id of the recommendation or the quick suggestion ('qs-booking') of the
    -- parent build; null for a build that was asked for in other words.
    ADD COLUMN recommendation_id text,
    ADD CONSTRAINT builds_recommendation CHECK (
        recommendation_id IS NULL
        OR (parent_build_id IS NOT NULL AND octet_length(recommendation_id) BETWEEN 1 AND 64 AND NOT free));

-- Each build is looked up in the other tables by their primary keys, so a range of
-- builds costs as much as it is long.
CREATE VIEW recommendation_outcomes AS
SELECT
    b.id AS build_id,
    b.create_time AS build_create_time,
    list.ready_time IS NOT NULL AS generated,
    coalesce(ai.shown, false) AS shown,
    coalesce(ai.accepted, false) AS accepted,
    coalesce(ai.dismissed, false) AS dismissed,
    coalesce(quick.shown, false) AS quick_shown,
    coalesce(quick.accepted, false) AS quick_accepted,
    coalesce(quick.dismissed, false) AS quick_dismissed,
    CASE WHEN b.state = 'complete' AND list.ready_time IS NOT NULL
        THEN greatest(extract(epoch FROM list.ready_time - b.end_time), 0)::float8
    END AS after_build_seconds
FROM builds b
LEFT JOIN LATERAL (
    SELECT min(r.end_time) AS ready_time
    FROM recommendation_revisions r
    WHERE r.build_id = b.id AND r.state = 'ready'
) list ON true
LEFT JOIN LATERAL (
    SELECT
        bool_or(i.interaction = 'shown') AS shown,
        bool_or(i.interaction = 'accepted') AS accepted,
        bool_or(i.interaction = 'dismissed') AS dismissed
    FROM recommendation_interactions i
    WHERE i.build_id = b.id AND i.item_id NOT LIKE 'qs-%'
) ai ON true
LEFT JOIN LATERAL (
    SELECT
        bool_or(i.interaction = 'shown') AS shown,
        bool_or(i.interaction = 'accepted') AS accepted,
        bool_or(i.interaction = 'dismissed') AS dismissed
    FROM recommendation_interactions i
    WHERE i.build_id = b.id AND i.item_id LIKE 'qs-%'
) quick ON true;

COMMENT ON VIEW recommendation_outcomes IS
    'What became of the proposals for each build, a row per build. Build ids sort by time: a range of them reads no other rows.';
COMMENT ON COLUMN recommendation_outcomes.build_id IS 'The build that the proposals were made for.';
COMMENT ON COLUMN recommendation_outcomes.build_create_time IS 'When the build was accepted.';
COMMENT ON COLUMN recommendation_outcomes.generated IS 'Whether a list of AI recommendations became ready.';
COMMENT ON COLUMN recommendation_outcomes.shown IS 'Whether an AI recommendation was on the screen.';
COMMENT ON COLUMN recommendation_outcomes.accepted IS 'Whether an AI recommendation was chosen.';
COMMENT ON COLUMN recommendation_outcomes.dismissed IS 'Whether an AI recommendation was put away.';
COMMENT ON COLUMN recommendation_outcomes.quick_shown IS 'Whether a quick suggestion was on the screen.';
COMMENT ON COLUMN recommendation_outcomes.quick_accepted IS 'Whether a quick suggestion was chosen.';
COMMENT ON COLUMN recommendation_outcomes.quick_dismissed IS 'Whether a quick suggestion was put away.';
COMMENT ON COLUMN recommendation_outcomes.after_build_seconds IS
    'How long after the end of the build its first list was ready, in seconds; 0 if it was ready before. Null without a list, and for a build that is not complete.';

CREATE VIEW recommendation_funnel AS
SELECT
    day,
    builds,
    generated,
    shown,
    accepted,
    dismissed,
    not_shown,
    shown::float8 / nullif(generated, 0) AS shown_ratio,
    accepted::float8 / nullif(shown, 0) AS accepted_ratio,
    not_shown::float8 / nullif(generated, 0) AS not_shown_ratio,
    quick_shown,
    quick_accepted,
    quick_dismissed,
    builds - quick_shown AS quick_not_shown,
    quick_shown::float8 / nullif(builds, 0) AS quick_shown_ratio,
    quick_accepted::float8 / nullif(quick_shown, 0) AS quick_accepted_ratio,
    (builds - quick_shown)::float8 / nullif(builds, 0) AS quick_not_shown_ratio,
    after_build_p50_seconds
FROM (
    SELECT
        (o.build_create_time AT TIME ZONE 'UTC')::date AS day,
        count(*) AS builds,
        count(*) FILTER (WHERE o.generated) AS generated,
        count(*) FILTER (WHERE o.shown) AS shown,
        count(*) FILTER (WHERE o.accepted) AS accepted,
        count(*) FILTER (WHERE o.dismissed) AS dismissed,
        count(*) FILTER (WHERE o.generated AND NOT o.shown) AS not_shown,
        count(*) FILTER (WHERE o.quick_shown) AS quick_shown,
        count(*) FILTER (WHERE o.quick_accepted) AS quick_accepted,
        count(*) FILTER (WHERE o.quick_dismissed) AS quick_dismissed,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY o.after_build_seconds) AS after_build_p50_seconds
    FROM recommendation_outcomes o
    GROUP BY 1
) per_day;

COMMENT ON VIEW recommendation_funnel IS
    'What became of what was proposed, a row per day on which builds were started. Everything counts builds, each on the day of its start whenever the rest happened.';
COMMENT ON COLUMN recommendation_funnel.day IS 'The day in UTC on which the builds were accepted.';
COMMENT ON COLUMN recommendation_funnel.builds IS 'All builds of the day. Each was answered with quick suggestions.';
COMMENT ON COLUMN recommendation_funnel.generated IS 'Builds with a list of AI recommendations that became ready.';
COMMENT ON COLUMN recommendation_funnel.shown IS 'Builds of which an AI recommendation was on the screen.';
COMMENT ON COLUMN recommendation_funnel.accepted IS 'Builds of which an AI recommendation was chosen.';
COMMENT ON COLUMN recommendation_funnel.dismissed IS 'Builds of which an AI recommendation was put away.';
COMMENT ON COLUMN recommendation_funnel.not_shown IS 'Builds with a list that is ready and of which nothing was on the screen.';
COMMENT ON COLUMN recommendation_funnel.shown_ratio IS 'shown by generated; null if nothing was generated.';
COMMENT ON COLUMN recommendation_funnel.accepted_ratio IS 'accepted by shown; null if nothing was shown.';
COMMENT ON COLUMN recommendation_funnel.not_shown_ratio IS 'not_shown by generated; null if nothing was generated.';
COMMENT ON COLUMN recommendation_funnel.quick_shown IS 'Builds of which a quick suggestion was on the screen.';
COMMENT ON COLUMN recommendation_funnel.quick_accepted IS 'Builds of which a quick suggestion was chosen.';
COMMENT ON COLUMN recommendation_funnel.quick_dismissed IS 'Builds of which a quick suggestion was put away.';
COMMENT ON COLUMN recommendation_funnel.quick_not_shown IS 'Builds of which no quick suggestion was on the screen.';
COMMENT ON COLUMN recommendation_funnel.quick_shown_ratio IS 'quick_shown by builds.';
COMMENT ON COLUMN recommendation_funnel.quick_accepted_ratio IS 'quick_accepted by quick_shown; null if nothing was shown.';
COMMENT ON COLUMN recommendation_funnel.quick_not_shown_ratio IS 'quick_not_shown by builds.';
COMMENT ON COLUMN recommendation_funnel.after_build_p50_seconds IS
    'The median of how long after the end of a complete build its first list was ready, in seconds, 0 for one that was ready before; null without such builds.';

-- +goose Down
DROP VIEW recommendation_funnel;
DROP VIEW recommendation_outcomes;
ALTER TABLE builds DROP COLUMN recommendation_id;
