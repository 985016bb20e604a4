//! `apify-runs`: every Apify Actor run of a period, counted, priced exactly and published whole.
//!
//! Modules stand in the order in which data flows; each uses only what stands below it.

#![cfg_attr(
    not(feature = "lake"),
    allow(
        dead_code,
        unused_imports,
        reason = "some items are the lake's alone, and a cfg on each would say nothing"
    )
)]

mod app;
mod commands;

mod pipeline;

mod cli;
mod config;
mod context;

mod archive;
#[cfg(feature = "lake")]
mod lake;
mod output;
mod report;
mod serve;

mod api;
mod fetch;

mod provenance;
mod runs;
mod stores;

mod bounded;
mod clock;
mod error;
mod logging;
mod money;
mod paths;
mod period;
mod text;

pub use app::run;
pub use fetch::MAX_CONCURRENCY;
pub use runs::schema;
pub use serve::is_question;
