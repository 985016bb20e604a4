//! The process, whatever the command: options, configuration, accounts, what it says and how it ends.

/// Several accounts in one job.
mod accounts;
/// Files that are read whole: up to a bound.
mod bounds;
/// Every command, however it ends: no credential shows up.
mod canary;
/// `check`: what an export by cron relies on.
mod check;
/// Clocks that are wrong, the API's and this machine's.
mod clocks;
/// The configuration's layers and messages.
mod config;
/// Help, completions and the manual.
mod help;
/// Log, outcome, metrics, deadline.
mod job;
/// Documents on stdout.
mod json;
/// What no retry mends, what may pass, and what is said of both.
mod network;
/// What the command line refuses, and with which words.
mod options;
/// The token goes to the API alone.
mod secrets;
/// `export --together`: one report of all accounts.
mod together;
/// Tokens that are none, and where one comes from.
mod tokens;
