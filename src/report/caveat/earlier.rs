//! Caveats of a manifest that is read back, also of one that lacks their codes or has unknown ones.

use serde::Deserialize;
use serde_json::Value;

use super::Caveat;
use super::sentence::INCOMPLETE;

impl Caveat {
    /// The caveats of a manifest. An entry of `caveat_details` counts where it has the sentence at its place; another
    /// version may have other words for a code, and other codes.
    pub fn of_manifest(texts: &[String], details: &[Value]) -> Vec<Caveat> {
        let detail = |at: usize, text: &str| {
            let detail = details.get(at).filter(|detail| detail["text"] == *text)?;
            Caveat::deserialize(detail).ok()
        };
        let caveat = |(at, text): (usize, &String)| {
            detail(at, text).unwrap_or_else(|| Caveat::Unclassified {
                text: text.clone(),
                lacks_runs: text.starts_with(INCOMPLETE),
            })
        };
        texts.iter().enumerate().map(caveat).collect()
    }
}
