//! `apify-runs`: every Apify Actor run of a period, counted, priced exactly and published whole.
//!
//! # Map
//! Modules stand in the order in which calls go: each uses only modules below it. Data goes the other way, from `api` up:
//! pages are fetched and proven (`fetch`), enriched and written (`pipeline`), summed up (`report`), assembled and published
//! (`commands`). `serve` is the other end of the wire and shares nothing with the client.
//!
//! # Glossary
//! - **run**: one execution of an Actor, as the API lists it; identified by its ID.
//! - **period**: `[from, to)` in milliseconds, with the time zone in which its days are meant.
//! - **window**: a part of a period that is listed by itself; **page**: one answer of the list.
//! - **proof**: the API's count of a period's runs against those received; proven where none is missing.
//! - **cost**: US dollars, exact to 18 places; *settled*, *provisional* (may still change) or *unknown*, never zero for unknown.
//! - **export**: a folder or prefix with the rows, reports and manifest of one period; whole or not there.
//! - **manifest**: the content and facts of an export; written last.
//! - **lake**: a Delta table of all runs of an account, which `sync` keeps up to date by commits.
//! - **archive**: an export or a lake, read back and checked.
//! - **breakdown**: the same measures for each Actor, day, status or other dimension.
//! - **caveat**: a note that changes the meaning of a figure; each has a stable code.

#![cfg_attr(
    not(feature = "lake"),
    allow(
        dead_code,
        unused_imports,
        reason = "some items are the lake's alone, and a cfg on each would say nothing"
    )
)]

// What every reader of something from outside is held to, by cargo-fuzz and by the tests.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

/// The process: accounts side by side, signals, outcome, metrics, exit code.
mod app;

/// One file or folder a command: the only place that knows several stages.
mod commands;

/// API to staged rows, shared by export, sync, reconcile and compare.
mod pipeline;

/// What a command is given and leaves.
mod context;

/// File, environment and command line as one command line.
mod config;

/// The command line.
mod cli;

/// An export or a lake, read back and checked.
mod archive;

/// The Delta table.
#[cfg(feature = "lake")]
mod lake;

/// An export on disk: files, manifest, publish, swap, lock.
mod output;

/// Figures, and their renderings.
mod report;

/// The Apify API over a made-up or an archived account.
mod serve;

/// A period's windows, walked and proven.
mod fetch;

/// The Apify API as a client: the only place that knows HTTP.
mod api;

/// What a run is: the one table of columns.
mod runs;

/// Whose runs, from where, how complete.
mod provenance;

/// Folders and object stores by URL.
#[cfg(feature = "lake")]
mod stores;

// Leaves: they use nothing of ours but each other.
mod bounded;
mod clock;
mod disk;
mod error;
mod installed_zones;
#[cfg(test)]
mod json_schema;
mod leftovers;
mod logging;
mod money;
mod paths;
mod period;
mod retry;
mod text;

pub use app::run;
pub use fetch::MAX_CONCURRENCY;
pub use runs::schema;
