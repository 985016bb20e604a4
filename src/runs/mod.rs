//! What a run is: its columns and which of them an export has, its detail, its names, how two versions of one are merged,
//! when its cost is final, and how an ID is kept unique.
//! Knows neither HTTP nor files.

pub mod column_set;
pub mod complete;
pub mod cost_state;
pub mod dedup;
pub mod detail;
pub mod merge;
pub mod names;
pub mod pairing;
pub mod random_access;
pub mod row;
pub mod row_detail;
pub mod run;
pub mod run_columns;
pub mod schema;
