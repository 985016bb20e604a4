//! A command line made of all layers, and whose word it was that makes no sense in it.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::cli::Cli;
use crate::config::Refusal;
use crate::config::layers::Origin;
use crate::error::Error;

/// A command line of all layers.
#[derive(Debug)]
pub struct Composed {
    /// The command line.
    pub argv: Vec<OsString>,
    /// What of it was not typed: the option's name, its arguments, where it comes from.
    pub added: Vec<Added>,
    /// The commands that it begins with, for judging single options.
    pub path: Vec<String>,
}

/// An option that was not typed.
#[derive(Debug)]
pub struct Added {
    /// Its long name.
    pub option: String,
    /// As arguments; none for a flag that is off.
    pub arguments: Vec<OsString>,
    /// Its texts.
    pub texts: Vec<OsString>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Composed {
    /// An error of the whole, by the layer that it comes from.
    pub fn blamed(&self, error: clap::Error) -> Refusal {
        if !error.use_stderr() || self.added.iter().all(|added| added.arguments.is_empty()) {
            return error.into();
        }
        let text = |error: &clap::Error| {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            first.strip_prefix("error: ").unwrap_or(first).to_owned()
        };
        for added in &self.added {
            let alone = std::iter::once("apify-runs".into())
                .chain(self.path.iter().map(OsString::from))
                .chain(added.arguments.iter().cloned());
            let judged = Cli::command().try_get_matches_from(alone);
            if let Err(error) = judged
                && matches!(
                    error.kind(),
                    ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::InvalidUtf8
                )
            {
                return Error::Usage(format!("{}: {}", added.origin, text(&error))).into();
            }
        }
        let in_force = self.added.iter().filter(|added| !added.arguments.is_empty());
        let in_force: Vec<String> = in_force
            .map(|added| format!("--{} ({})", added.option, added.origin))
            .collect();
        let text = error.to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
        Error::Usage(format!("{text}\n\nNot from the command line: {}", in_force.join(", "))).into()
    }
}
