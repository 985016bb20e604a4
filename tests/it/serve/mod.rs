//! `serve`: the API's endpoints, asked by a client of a few lines.

/// `serve PATH`: an archive.
mod archive;
/// `serve --demo`: the made-up account.
mod demo;
/// Numbers of answers, to the last digit.
mod exact;
/// Pages for a browser.
mod pages;
/// The headers of lists.
mod pagination;
/// Schedules of the made-up account, and caps of its runs.
mod schedules;
/// Monthly usage and builds of the made-up account.
mod usage;
