-- Unsuccessful runs by Actor: runs that failed, timed out or were aborted, and their usage. Dearest first; Actors without
-- such runs are left out.
-- For DuckDB 1.1 or newer, Spark 3.4 or newer, and Trino, over a table or view named `runs` with the rows of an export:
--   DuckDB  CREATE VIEW runs AS SELECT * FROM 'OUT/runs.parquet';        (partitioned: 'OUT/runs/*/runs.parquet')
--   Spark   CREATE TEMPORARY VIEW runs USING parquet OPTIONS (path 'OUT/runs.parquet');        (partitioned: 'OUT/runs')
--   Trino   a table over the folder, in the connector of your choice, with the column types that docs/schema.md lists
-- Usage is exact, and NULL if there is no such run, or none with a known cost. usage_unsuccessful_usd is a minimum if
-- runs_unsuccessful_cost_unknown is not 0. `runs` counts all runs of the Actor.

SELECT
    act_id,
    COUNT(*) AS runs,
    COUNT(*) FILTER (WHERE status = 'FAILED') AS runs_failed,
    COUNT(*) FILTER (WHERE status = 'TIMED-OUT') AS runs_timed_out,
    COUNT(*) FILTER (WHERE status = 'ABORTED') AS runs_aborted,
    SUM(usage_total_usd) FILTER (WHERE status = 'FAILED') AS usage_failed_usd,
    SUM(usage_total_usd) FILTER (WHERE status = 'TIMED-OUT') AS usage_timed_out_usd,
    SUM(usage_total_usd) FILTER (WHERE status = 'ABORTED') AS usage_aborted_usd,
    SUM(usage_total_usd) FILTER (WHERE status IN ('FAILED', 'TIMED-OUT', 'ABORTED')) AS usage_unsuccessful_usd,
    COUNT(*) FILTER (
        WHERE status IN ('FAILED', 'TIMED-OUT', 'ABORTED') AND cost_state = 'unknown'
    ) AS runs_unsuccessful_cost_unknown,
    MAX(act_name) AS act_name
FROM runs
GROUP BY act_id
HAVING COUNT(*) FILTER (WHERE status IN ('FAILED', 'TIMED-OUT', 'ABORTED')) > 0
ORDER BY usage_unsuccessful_usd DESC NULLS LAST, act_id;
