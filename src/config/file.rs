//! The configuration file: its keys are options' long names. Only names are judged here; values are texts with a place.

use std::path::{Path, PathBuf};

use clap::Command;
use indexmap::IndexMap;
use toml::de::{DeTable, DeValue};

use super::account_section::AccountSection;
use super::sections::Sections;
use super::source_text::SourceText;
use crate::error::Result;

#[derive(Debug)]
pub struct File {
    pub path: PathBuf,
    /// Whether somebody named it; else it was found.
    pub is_named: bool,
    /// What holds for every account.
    pub sections: Sections,
    /// In the file's order.
    pub accounts: IndexMap<String, AccountSection>,
}

impl File {
    /// Reads the text of a file for the commands that there are.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::error::Error::Usage) with line and, for a key that no command has, the nearest known one.
    pub fn parse(text: &str, path: &Path, root: &Command) -> Result<File> {
        let source = SourceText { text, path, within: "" };
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            source.error(at, error.message().trim())
        })?;
        let mut file = File {
            path: path.into(),
            is_named: false,
            sections: Sections::default(),
            accounts: IndexMap::new(),
        };
        for (key, value) in table.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("accounts", DeValue::Table(accounts)) => {
                    for (name, part) in accounts {
                        let part = AccountSection::parse(name, part, root, &source)?;
                        file.accounts.insert(part.source.name.clone(), part);
                    }
                }
                ("accounts", _) => {
                    let at = key.span().start;
                    return Err(source.error(at, "accounts are sections, each with a name: [accounts.NAME]"));
                }
                _ => file.sections.insert(key, value, root, &source)?,
            }
        }
        Ok(file)
    }
}
