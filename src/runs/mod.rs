//! What a run is: its columns, how two versions of one are merged, when its cost is final, and how an ID is kept unique.
//! Knows neither HTTP nor files.

pub mod cost_state;
pub mod dedup;
pub mod merge;
pub mod pairing;
pub mod row;
pub mod run;
pub mod schema;
