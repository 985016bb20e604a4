//! The configuration file: its keys are options' long names. Only names are judged here; values are texts with a place.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use clap::Command;
use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::account_section::AccountSection;
use super::commands::{NOT_IN_LAYERS, names, nearest, options, options_below};
use super::setting::Setting;
use super::source_text::SourceText;
use crate::error::Result;

/// Settings of one command, or of all; by option.
pub type Section = IndexMap<String, Setting>;

#[derive(Debug, Default)]
pub struct Sections {
    /// Of every command that has the option.
    pub all: Section,
    /// Of one command, by its name, such as `export` and `lake.close`.
    pub of: IndexMap<String, Section>,
}

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

impl Sections {
    /// Adds what a key holds: an option, or a command's section.
    pub(super) fn insert(
        &mut self,
        key: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        root: &Command,
        source: &SourceText,
    ) -> Result<()> {
        let (name, at) = (key.get_ref().as_ref(), key.span().start);
        let command = root.find_subcommand(name);
        if let DeValue::Table(table) = value.get_ref() {
            let Some(command) = command else {
                let known = [names(root), vec!["accounts".into()]].concat();
                let near = nearest(name, &known).map_or(String::new(), |near| format!("; did you mean [{near}]?"));
                return Err(source.error(at, &format!("[{name}] is no command{near}")));
            };
            return self.insert_command(name, command, table, source);
        }
        let known = options_below(root);
        if known.iter().any(|option| option == name) {
            self.all.insert(name.into(), source.setting(value)?);
            return Ok(());
        }
        Err(match command {
            Some(_) if !NOT_IN_LAYERS.contains(&name) => source.not_a_section(at, name),
            _ => source.unknown(at, name, "any command", &known),
        })
    }

    fn insert_command(
        &mut self,
        path: &str,
        command: &Command,
        table: &DeTable<'_>,
        source: &SourceText,
    ) -> Result<()> {
        let known = options(command);
        for (key, value) in table {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            let below = command.find_subcommand(name);
            if let (DeValue::Table(table), Some(below)) = (value.get_ref(), below) {
                self.insert_command(&format!("{path}.{name}"), below, table, source)?;
            } else if known.iter().any(|option| option == name) {
                let section = self.of.entry(path.into()).or_default();
                section.insert(name.into(), source.setting(value)?);
            } else if below.is_some() {
                return Err(source.not_a_section(at, &format!("{path}.{name}")));
            } else {
                let known = [known, names(command)].concat();
                return Err(source.unknown(at, name, &path.replace('.', " "), &known));
            }
        }
        Ok(())
    }
}
