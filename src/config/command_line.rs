//! A command line composed of all layers, and the origin of an error in it.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::ConfigError;
use super::refusal::in_a_line;
use super::setting::Setting;
use crate::error::Error;

#[derive(Debug)]
pub struct CommandLine {
    pub argv: Vec<OsString>,
    /// The options that come from other layers.
    pub added: Vec<AddedOption>,
}

#[derive(Debug)]
pub struct AddedOption {
    pub option: String,
    /// None for a flag that is off.
    pub arguments: Vec<OsString>,
    pub setting: Setting,
}

impl AddedOption {
    /// Whether an error is about its value: clap checks values first, in the order of the command line.
    fn is_refused(&self, error: &clap::Error) -> bool {
        match (error.kind(), error.get(ContextKind::InvalidArg)) {
            (ErrorKind::InvalidValue | ErrorKind::ValueValidation, Some(ContextValue::String(arg))) => {
                arg.split([' ', '=', '[']).next() == Some(&format!("--{}", self.option))
            }
            // Here clap doesn't name the argument.
            (ErrorKind::InvalidUtf8, _) => self.arguments.iter().any(|argument| argument.to_str().is_none()),
            _ => false,
        }
    }
}

impl CommandLine {
    pub fn added(&self, option: &str) -> Option<&AddedOption> {
        self.added.iter().find(|added| added.option == option)
    }

    /// The error of this command line, with the origin of the wrong option if it was not typed.
    pub fn attribute_error(&self, error: clap::Error) -> ConfigError {
        let in_force: Vec<_> = self.added.iter().filter(|added| !added.arguments.is_empty()).collect();
        // A help is no error.
        if !error.use_stderr() || in_force.is_empty() {
            return error.into();
        }
        let text = error.to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        if let Some(added) = in_force.iter().find(|added| added.is_refused(&error)) {
            let problem = in_a_line(text);
            return Error::Usage(format!("{}: {problem}", added.setting.origin)).into();
        }
        let origin = |added: &&AddedOption| format!("--{} ({})", added.option, added.setting.origin);
        let in_force: Vec<String> = in_force.iter().map(origin).collect();
        let (text, in_force) = (text.trim_end(), in_force.join(", "));
        Error::Usage(format!("{text}\n\nSet outside the command line: {in_force}")).into()
    }
}
