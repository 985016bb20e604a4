-- Cost by group: runs by outcome and their usage in dollars by group, dearest group first.
-- A run belongs to the group of the first rule (lowest place) whose given patterns all match: the ID or name of the Actor or
-- task, the ID of the user; `*` is any text, `?` one character. Runs that no rule matches are 'unassigned'. The column
-- run_group is `group` in the other formats; not every engine allows that name without quotes.
-- For DuckDB 1.1 or newer, Spark 3.4 or newer, and Trino, over a table or view named `runs` with the rows of an export:
--   DuckDB  CREATE VIEW runs AS SELECT * FROM 'OUT/runs.parquet';        (partitioned: 'OUT/runs/*/runs.parquet')
--   Spark   CREATE TEMPORARY VIEW runs USING parquet OPTIONS (path 'OUT/runs.parquet');        (partitioned: 'OUT/runs')
--   Trino   a table over the folder, in the connector of your choice, with the column types that docs/schema.md lists
-- It also needs the rules of --groups as a table or view named `group_rules`; an absent pattern is empty or NULL:
--   any     CREATE VIEW group_rules AS SELECT * FROM (VALUES (1, 'apify/*', '', '', 'Marketing'),
--             (2, '', 'nightly-*', '', 'Operations')
--           ) AS rules (place, actor_pattern, task_pattern, user_pattern, group_name);        (Spark: TEMPORARY VIEW)
--   DuckDB  CREATE VIEW group_rules AS SELECT row_number() OVER () AS place, actor AS actor_pattern, task AS task_pattern,
--             "user" AS user_pattern, "group" AS group_name FROM read_csv('groups.csv', header = true, all_varchar = true);
--             (NULL for a column that the file lacks)
--   Spark   spark-submit reports/spark.py --groups groups.csv OUT/runs.parquet FOLDER cost_by_group
-- usage_total_usd is exact, and NULL if no cost is known. It is a minimum if runs_cost_unknown is not 0, and may still
-- change if runs_provisional is not 0. Share and mean are not computed here.

WITH kinds AS (
    SELECT
        act_id,
        act_name,
        actor_task_id,
        actor_task_name,
        user_id,
        COUNT(*) AS runs,
        COUNT(*) FILTER (WHERE status = 'SUCCEEDED') AS runs_succeeded,
        COUNT(*) FILTER (WHERE status = 'FAILED') AS runs_failed,
        COUNT(*) FILTER (WHERE status = 'TIMED-OUT') AS runs_timed_out,
        COUNT(*) FILTER (WHERE status = 'ABORTED') AS runs_aborted,
        COUNT(*) FILTER (WHERE status NOT IN ('SUCCEEDED', 'FAILED', 'TIMED-OUT', 'ABORTED')) AS runs_other,
        SUM(usage_total_usd) AS usage_total_usd,
        COUNT(*) FILTER (WHERE cost_state = 'unknown') AS runs_cost_unknown,
        COUNT(*) FILTER (WHERE cost_state = 'provisional') AS runs_provisional
    FROM runs
    GROUP BY act_id, act_name, actor_task_id, actor_task_name, user_id
),
patterns AS (
    SELECT
        place,
        group_name,
        REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(
            NULLIF(actor_pattern, ''), '!', '!!'), '%', '!%'), '_', '!_'), '*', '%'), '?', '_'
        ) AS actor_like,
        REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(
            NULLIF(task_pattern, ''), '!', '!!'), '%', '!%'), '_', '!_'), '*', '%'), '?', '_'
        ) AS task_like,
        REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(
            NULLIF(user_pattern, ''), '!', '!!'), '%', '!%'), '_', '!_'), '*', '%'), '?', '_'
        ) AS user_like
    FROM group_rules
),
matched AS (
    SELECT
        kinds.*,
        COALESCE(patterns.group_name, 'unassigned') AS run_group,
        ROW_NUMBER() OVER (
            PARTITION BY kinds.act_id, kinds.act_name, kinds.actor_task_id, kinds.actor_task_name, kinds.user_id
            ORDER BY patterns.place
        ) AS nth
    FROM kinds
    LEFT JOIN patterns
        ON (actor_like IS NULL OR act_id LIKE actor_like ESCAPE '!' OR act_name LIKE actor_like ESCAPE '!')
        AND (task_like IS NULL OR actor_task_id LIKE task_like ESCAPE '!' OR actor_task_name LIKE task_like ESCAPE '!')
        AND (user_like IS NULL OR user_id LIKE user_like ESCAPE '!')
)
SELECT
    run_group,
    CAST(SUM(runs) AS BIGINT) AS runs,
    CAST(SUM(runs_succeeded) AS BIGINT) AS runs_succeeded,
    CAST(SUM(runs_failed) AS BIGINT) AS runs_failed,
    CAST(SUM(runs_timed_out) AS BIGINT) AS runs_timed_out,
    CAST(SUM(runs_aborted) AS BIGINT) AS runs_aborted,
    CAST(SUM(runs_other) AS BIGINT) AS runs_other,
    SUM(usage_total_usd) AS usage_total_usd,
    CAST(SUM(runs_cost_unknown) AS BIGINT) AS runs_cost_unknown,
    CAST(SUM(runs_provisional) AS BIGINT) AS runs_provisional
FROM matched
WHERE nth = 1
GROUP BY run_group
ORDER BY usage_total_usd DESC NULLS LAST, run_group;
