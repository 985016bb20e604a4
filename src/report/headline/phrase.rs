//! Phrases that sentences of several formats share.

use crate::provenance::Filters;
use crate::report::run_filter::RunFilter;

/// What stands before an amount that is only a lower bound.
pub fn at_least(is_bound: bool) -> &'static str {
    if is_bound { "at least " } else { "" }
}

/// An instant's text to the minute.
pub fn to_minute(instant: &str) -> String {
    instant.get(..16).unwrap_or(instant).replace('T', " ")
}

/// What a report was asked for, as the option.
pub fn where_option(only: &RunFilter) -> Option<String> {
    only.text().map(|text| format!("--where {text}"))
}

/// Filters as the options that they were given by.
pub fn filter_options(filters: &Filters) -> Option<String> {
    let lists = [
        ("status", &filters.status),
        ("actor", &filters.actor),
        ("task", &filters.task),
    ];
    let given = lists.iter().filter(|(_, list)| !list.is_empty());
    let given: Vec<String> = given
        .map(|(name, list)| format!("--{name} {}", list.join(",")))
        .collect();
    (!given.is_empty()).then(|| given.join(" "))
}
