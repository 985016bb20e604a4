//! `--where`: which runs a report is of.

use super::{has_place, text_of};
use crate::report::run_filter::RunFilter;

/// A filter. The place of a refusal is the key, or the form that is expected.
pub fn run_filter(bytes: &[u8]) {
    let Some(text) = text_of(bytes) else { return };
    let filter = match RunFilter::parse(text) {
        Ok(filter) => filter,
        Err(refusal) => {
            let refusal = refusal.to_string();
            let has_key = text
                .split([',', '&'])
                .filter_map(|part| part.split_once('='))
                .any(|(key, _)| {
                    refusal.starts_with(&format!("{} ", key.trim()))
                        || refusal.starts_with(&format!("{}:", key.trim()))
                        || refusal.contains(&format!("{:?}", key.trim()))
                });
            return if !has_key {
                has_place(&refusal, &["expected KEY=VALUE"]);
            };
        }
    };
    // What comes from a page's address has any text, and says the same wherever it is written.
    let written = filter.text().expect("a filter that is given has a value");
    assert_eq!(
        RunFilter::parse(&written).expect("what is written can be read"),
        filter,
        "{written}"
    );
    assert_eq!(RunFilter::all(&[filter.clone(), filter.clone()]), filter);
    assert!(
        written.is_ascii() && !written.contains([' ', '"', '\'', '#', '<', '>']),
        "{written}"
    );
}
