//! The options that a file sets, for all commands and for single ones. Only names are checked here.

use std::borrow::Cow;

use clap::Command;
use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::commands::{NOT_IN_LAYERS, names, options, options_below};
use super::setting::Setting;
use super::source_text::SourceText;
use crate::error::Result;
use crate::text::nearest::nearest;

/// Settings of one command or of all, by option.
pub type Section = IndexMap<String, Setting>;

#[derive(Debug, Default)]
pub struct Sections {
    /// For every command that has the option.
    pub all: Section,
    /// For one command, by its name, such as `export` and `lake.close`.
    pub of: IndexMap<String, Section>,
}

impl Sections {
    /// Adds the value of a key: an option, or the section of a command.
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
                let near = nearest(name, known.iter().map(String::as_str));
                let near = near
                    .first()
                    .map_or(String::new(), |near| format!("; did you mean [{near}]?"));
                return Err(source.error(at, &format!("[{name}] is not a command{near}")));
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
