//! `apify-runs`: every Apify Actor run of a period, counted, priced exactly and published whole.
//!
//! Modules stand in the order in which data flows:
//! `period → plan → walk (pages) → decode → dedup → write + summarise → render → publish`.
//! Only `jobs` knows several stages; `serve` is the other end of the wire, and shares nothing with the client.

pub mod bounded;
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
pub mod logging;
pub mod money;
pub mod period;
pub mod statement;
pub mod text;

pub mod runs;

pub mod api;
pub mod fetch;
pub mod report;

#[cfg(feature = "lake")]
pub mod lake;
pub mod output;

pub mod serve;

pub mod jobs;
