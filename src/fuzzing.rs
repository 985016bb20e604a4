//! What must hold of every reader of something from outside, whatever the bytes: one function a fuzz target of `fuzz/`. Each
//! holds its reader against another reader, reads back what is written, and asks a refusal for its place. Compiled for cargo-fuzz
//! and for the tests, which feed them the seeds; no part of the library.

mod amounts;
mod budgets;
mod configuration;
#[cfg(test)]
mod corpus;
mod details;
mod failures;
mod filters;
mod group_rules;
mod headers;
mod manifests;
mod pages;
mod periods;
mod questions;
mod rows;
#[cfg(feature = "lake")]
mod states;
mod usage;

pub use amounts::amount;
pub use budgets::budgets;
pub use configuration::configuration;
pub use details::detail;
pub use failures::faults;
pub use filters::run_filter;
pub use group_rules::groups;
pub use headers::headers;
pub use manifests::manifest;
pub use pages::{item, page};
pub use periods::period;
pub use questions::question;
pub use rows::{runs_csv, runs_parquet};
#[cfg(feature = "lake")]
pub use states::state;
pub use usage::monthly_usage;

/// Asks a refusal for its place: it must hold one of these texts.
fn has_place(refusal: &str, places: &[&str]) {
    let is_there = places.iter().any(|place| refusal.contains(place));
    assert!(is_there, "a refusal without a place, one of {places:?}: {refusal}");
}

/// The bytes as text, where they are some.
fn text_of(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
