//! `export`: what is asked of the API, and what the folder holds then.

/// Answers beside the run list that lack something.
mod beside;
/// Which columns an export has.
mod columns;
/// Every run is there once, however the server lists them.
mod complete;
/// Single runs' details: which are asked for, and what becomes of those that can't be had.
mod details;
/// What the API can do wrong, and what comes of it.
mod failures;
/// What is in the files: columns, types, money to the last digit.
mod files;
/// Runs that may be missing are told of with --quiet too.
mod gaps;
/// Groups by the user's rules.
mod groups;
/// The list's costs against those of details.
mod list_costs;
/// Every run's detail, and its columns.
mod metered;
/// Names of Actors and tasks.
mod names;
/// What stands at `--out`, and when it is replaced.
mod publishing;
/// Runs that Apify no longer keeps.
mod retention;
/// What a compute unit, an hour and a thousand events cost, and why costs changed.
mod unit_costs;
mod usage;
