{{ config(
    materialized='incremental',
    unique_key='id',
    incremental_strategy='delete+insert',
    on_schema_change='append_new_columns'
) }}

select * from {{ ref('exported_runs') }}
{% if is_incremental() %}
-- Equal too: exports of one moment can arrive one after the other, and loading a row twice does no harm.
where queried_at >= (select max(queried_at) from {{ this }})
{% endif %}
qualify row_number() over (partition by id order by queried_at desc, export desc) = 1
