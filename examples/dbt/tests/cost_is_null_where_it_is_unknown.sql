-- Runs with a cost whose state says that it is unknown, and runs without a cost whose state says that it is known.
{{ config(enabled=env_var('APIFY_EXPORTS', '') != '') }}

select id, cost_state, usage_total_usd
from {{ ref('runs') }}
where (cost_state = 'unknown') is distinct from (usage_total_usd is null)
