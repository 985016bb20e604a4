-- Cost by month: runs by outcome and their usage in dollars by the month in which they started, in order. A month is
-- named as in 2025-09.
-- For DuckDB 1.1 or newer, Spark 3.4 or newer, and Trino, over a table or view named `runs` that holds an export's rows:
--   DuckDB  CREATE VIEW runs AS SELECT * FROM 'OUT/runs.parquet';        (partitioned: 'OUT/runs/*/runs.parquet')
--   Spark   CREATE TEMPORARY VIEW runs USING parquet OPTIONS (path 'OUT/runs.parquet');        (partitioned: 'OUT/runs')
--   Trino   a table over the folder, in the connector of your choice, with the column types that docs/schema.md lists
-- Months are UTC's, whatever the session's zone was: the first statement sets it, in the one form that all three engines
-- take. It stays set for the session. A Trino column without a time zone is taken as UTC, which it is.
-- usage_total_usd is exact and NULL where no cost is known. It is 'at least' where runs_cost_unknown isn't 0, and may
-- still move where runs_provisional isn't. Share and mean are left to whoever shows the figures.
SET TIME ZONE 'UTC';

SELECT
    substring(CAST(CAST(started_at AS DATE) AS VARCHAR(10)), 1, 7) AS month,
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
GROUP BY substring(CAST(CAST(started_at AS DATE) AS VARCHAR(10)), 1, 7)
ORDER BY month;
