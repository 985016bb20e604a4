//! Runs the built binary: against the made-up account, and against a stand-in of the API that misbehaves.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod accounts;
mod agree;
mod apify;
mod client;
mod harness;
mod stand_in;

mod broken_archives;
mod clocks;
mod columns;
mod complete;
mod config;
mod demo;
mod details;
mod diff;
mod failures;
mod files;
mod metered;
mod options;
mod publishing;
mod readme;
mod report;
mod reports;

#[cfg(feature = "lake")]
mod lake;

mod bounds;
mod check;
mod gaps;
mod groups;
mod help;
mod job;
#[cfg(feature = "lake")]
mod lake_log;
#[cfg(feature = "lake")]
mod lake_read;
#[cfg(feature = "lake")]
mod lake_truth;
mod names;
mod reconcile;
mod replaced;
mod retention;
mod schema_doc;
mod secrets;
mod serve;
