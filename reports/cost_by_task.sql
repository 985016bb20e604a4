-- Cost by task: runs by outcome and their usage in dollars by task, dearest task first. NULL: runs without a task.
-- For DuckDB 1.1 or newer, Spark 3.4 or newer, and Trino, over a table or view named `runs` with the rows of an export:
--   DuckDB  CREATE VIEW runs AS SELECT * FROM 'OUT/runs.parquet';        (partitioned: 'OUT/runs/*/runs.parquet')
--   Spark   CREATE TEMPORARY VIEW runs USING parquet OPTIONS (path 'OUT/runs.parquet');        (partitioned: 'OUT/runs')
--   Trino   a table over the folder, in the connector of your choice, with the column types that docs/schema.md lists
-- usage_total_usd is exact, and NULL if no cost is known. It is a minimum if runs_cost_unknown is not 0, and may still
-- change if runs_provisional is not 0. Share and mean are not computed here.

SELECT
    actor_task_id,
    COUNT(*) AS runs,
    COUNT(*) FILTER (WHERE status = 'SUCCEEDED') AS runs_succeeded,
    COUNT(*) FILTER (WHERE status = 'FAILED') AS runs_failed,
    COUNT(*) FILTER (WHERE status = 'TIMED-OUT') AS runs_timed_out,
    COUNT(*) FILTER (WHERE status = 'ABORTED') AS runs_aborted,
    COUNT(*) FILTER (WHERE status NOT IN ('SUCCEEDED', 'FAILED', 'TIMED-OUT', 'ABORTED')) AS runs_other,
    SUM(usage_total_usd) AS usage_total_usd,
    COUNT(*) FILTER (WHERE cost_state = 'unknown') AS runs_cost_unknown,
    COUNT(*) FILTER (WHERE cost_state = 'provisional') AS runs_provisional,
    MAX(actor_task_name) AS actor_task_name
FROM runs
GROUP BY actor_task_id
ORDER BY usage_total_usd DESC NULLS LAST, actor_task_id NULLS FIRST;
