-- Cost by Actor and status: runs and their usage in dollars by Actor and status, dearest first.
-- For two other keys, name both after SELECT, GROUP BY and ORDER BY (NULLS FIRST if a key may be NULL).
-- For DuckDB 1.1 or newer, Spark 3.4 or newer, and Trino, over a table or view named `runs` with the rows of an export:
--   DuckDB  CREATE VIEW runs AS SELECT * FROM 'OUT/runs.parquet';        (partitioned: 'OUT/runs/*/runs.parquet')
--   Spark   CREATE TEMPORARY VIEW runs USING parquet OPTIONS (path 'OUT/runs.parquet');        (partitioned: 'OUT/runs')
--   Trino   a table over the folder, in the connector of your choice, with the column types that docs/schema.md lists
-- usage_total_usd is exact, and NULL if no cost is known. It is a minimum if runs_cost_unknown is not 0, and may still
-- change if runs_provisional is not 0. Share and mean are not computed here.

SELECT
    act_id,
    status,
    COUNT(*) AS runs,
    COUNT(*) FILTER (WHERE status = 'SUCCEEDED') AS runs_succeeded,
    COUNT(*) FILTER (WHERE status = 'FAILED') AS runs_failed,
    COUNT(*) FILTER (WHERE status = 'TIMED-OUT') AS runs_timed_out,
    COUNT(*) FILTER (WHERE status = 'ABORTED') AS runs_aborted,
    COUNT(*) FILTER (WHERE status NOT IN ('SUCCEEDED', 'FAILED', 'TIMED-OUT', 'ABORTED')) AS runs_other,
    SUM(usage_total_usd) AS usage_total_usd,
    COUNT(*) FILTER (WHERE cost_state = 'unknown') AS runs_cost_unknown,
    COUNT(*) FILTER (WHERE cost_state = 'provisional') AS runs_provisional,
    MAX(act_name) AS act_name
FROM runs
GROUP BY act_id, status
ORDER BY usage_total_usd DESC NULLS LAST, act_id, status;
