//! `[accounts.NAME]`: where an account's token comes from, and its own options.

use std::borrow::Cow;
use std::path::PathBuf;

use clap::Command;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::sections::Sections;
use super::source_text::SourceText;
use crate::error::{Error, Result};

/// Options of the whole job, which an account cannot set.
const OF_THE_JOB: [&str; 12] = [
    "account",
    "accounts-at-once",
    "all-accounts",
    "deadline",
    "jitter",
    "job-name",
    "json",
    "log-format",
    "metrics-file",
    "outcome",
    "quiet",
    "verbose",
];

/// Where an account's token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSource {
    pub name: String,
    pub token_file: Option<PathBuf>,
    pub token_env: Option<String>,
}

#[derive(Debug)]
pub struct AccountSection {
    pub source: AccountSource,
    pub sections: Sections,
}

impl AccountSection {
    pub(super) fn parse(
        name: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        root: &Command,
        text: &SourceText,
    ) -> Result<AccountSection> {
        let (at, name) = (name.span().start, name.get_ref().as_ref());
        let error = |problem: &str| text.error(at, problem);
        if !is_folder_name(name) {
            return Err(error(&format!(
                "account name {name:?}: expected a letter or digit, then letters, digits, '-', '_' and '.', at most 100 bytes, \
                 and not demo: it becomes the name of a folder"
            )));
        }
        let DeValue::Table(table) = value.get_ref() else {
            let problem = format!("accounts.{name}: expected a section with token-file or token-env, and options");
            return Err(error(&problem));
        };
        let within = &format!("accounts.{name}.");
        let account = AccountSection::read(name, table, root, &SourceText { within, ..*text })?;
        let source = &account.source;
        if !source.token_env.as_deref().is_none_or(is_variable_name) {
            return Err(error(
                "token-env: expected the name of the variable with the token, not the token itself",
            ));
        }
        if source.token_file.is_some() == source.token_env.is_some() {
            let problem = format!("[accounts.{name}] needs either token-file or token-env");
            return Err(error(&problem));
        }
        Ok(account)
    }

    fn read(name: &str, table: &DeTable<'_>, root: &Command, text: &SourceText) -> Result<AccountSection> {
        let mut source = AccountSource {
            name: name.into(),
            token_file: None,
            token_env: None,
        };
        let mut sections = Sections::default();
        for (key, value) in table {
            let word = key.get_ref().as_ref();
            let value_text = || {
                let found = value.get_ref().as_str();
                found.ok_or_else(|| text.error(key.span().start, &format!("{word}: expected a text")))
            };
            match word {
                "token-env" => source.token_env = Some(value_text()?.into()),
                "token-file" => source.token_file = Some(value_text()?.into()),
                _ => sections.insert(key, value, root, text)?,
            }
        }
        let mut of_all_commands = sections.all.iter().chain(sections.of.values().flatten());
        if let Some((key, setting)) = of_all_commands.find(|(key, _)| OF_THE_JOB.contains(&key.as_str())) {
            let origin = &setting.origin;
            return Err(Error::Usage(format!(
                "{origin}: {key} is an option of the whole job; set it above the accounts"
            )));
        }
        Ok(AccountSection { source, sections })
    }
}

fn is_folder_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let is_plain = name.starts_with(char::is_alphanumeric) && name.chars().all(plain);
    is_plain && name.len() <= 100 && name != "demo"
}

/// A text that looks like a token is refused, so that no message repeats it.
fn is_variable_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !text.to_lowercase().starts_with("apify_api_")
}
