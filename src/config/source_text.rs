//! The text of a configuration file: its values as settings, and errors with file and line.

use std::ffi::OsString;
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::setting::{Origin, Setting, ValueForm};
use crate::error::{Error, Result};
use crate::text::nearest::nearest;

/// The text of a file, with the prefix of the current section.
pub(super) struct SourceText<'t> {
    pub(super) text: &'t str,
    pub(super) path: &'t Path,
    /// The prefix of a section's name: empty, or `accounts.NAME.`.
    pub(super) within: &'t str,
}

impl SourceText<'_> {
    fn origin(&self, at: usize) -> Origin {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        Origin::File(self.path.display().to_string(), line)
    }

    pub(super) fn error(&self, at: usize, problem: &str) -> Error {
        Error::Usage(format!("{}: {problem}", self.origin(at)))
    }

    /// The error for a command whose value is not a section.
    pub(super) fn not_a_section(&self, at: usize, path: &str) -> Error {
        let within = self.within;
        let problem = format!("{path} is a command: put its options in one section [{within}{path}]");
        self.error(at, &problem)
    }

    pub(super) fn unknown(&self, at: usize, key: &str, of: &str, known: &[String]) -> Error {
        if ["token", "api-token", "apify-token"].contains(&key) {
            return self.error(
                at,
                "a token is not allowed in this file: set token-file to a file with the token, or, for an account, token-env to \
                 the name of a variable",
            );
        }
        let near = nearest(key, known.iter().map(String::as_str));
        let near = near
            .first()
            .map_or(String::new(), |near| format!("; did you mean '{near}'?"));
        self.error(at, &format!("'{key}' is not an option of {of}{near}"))
    }

    pub(super) fn setting(&self, value: &Spanned<DeValue<'_>>) -> Result<Setting> {
        let at = value.span().start;
        let (texts, form) = match value.get_ref() {
            DeValue::Boolean(yes) => (vec![yes.to_string().into()], ValueForm::Flag),
            DeValue::Array(list) => {
                let texts: Result<Vec<OsString>> = list.iter().map(|value| self.text_of(value)).collect();
                (texts?, ValueForm::List)
            }
            _ => (vec![self.text_of(value)?], ValueForm::One),
        };
        Ok(Setting {
            texts,
            form,
            origin: self.origin(at),
        })
    }

    fn text_of(&self, value: &Spanned<DeValue<'_>>) -> Result<OsString> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Datetime(moment) => moment.to_string(),
            DeValue::Boolean(_) | DeValue::Array(_) | DeValue::Table(_) => {
                return Err(self.error(value.span().start, "expected a text or a number"));
            }
        };
        Ok(text.into())
    }
}
