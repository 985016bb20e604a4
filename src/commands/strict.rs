//! `--strict`: exit 7 where a figure isn't final, or runs may be missing.

use crate::cli::Strict;
use crate::error::{Error, Result};
use crate::report::caveat::Caveat;
use crate::report::facts::Facts;
use crate::text::counted;

/// Exit 7 if what must not be said of figures is; `done` is what was done with them all the same.
pub fn hold(strict: Strict, facts: &Facts, done: &str) -> Result<()> {
    let (option, caveats) = match strict {
        Strict::Off => return Ok(()),
        Strict::Final => {
            // That a rule matches no run leaves every figure as final as it is.
            let of_figures = |caveat: &&Caveat| !matches!(caveat, Caveat::RulesUnmatched { .. });
            ("--strict", facts.caveats.iter().filter(of_figures).collect())
        }
        Strict::Incomplete => ("--strict=incomplete", facts.gaps()),
    };
    if caveats.is_empty() {
        return Ok(());
    }
    let count = counted(caveats.len() as u64, "caveat", "caveats");
    Err(Error::Condition(format!(
        "{done}, but with {count} ({option}): {}",
        caveats
            .into_iter()
            .map(Caveat::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    )))
}
