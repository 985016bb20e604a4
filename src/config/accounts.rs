//! Which of the configuration's accounts a command line is about, whichever layer says so.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::file::{AccountPart, nearest};
use super::layers::{Layers, leaf};
use crate::error::{Error, Result};

impl Layers {
    /// The accounts that were asked for.
    pub fn accounts(&self, root: &Command, typed: &ArgMatches) -> Result<Vec<&AccountPart>> {
        let composed = self.compose(root, typed, &[], None)?;
        let (_, command, typed) = leaf(root, typed);
        let has = |id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
        if !has("account") {
            return Ok(Vec::new());
        }
        let is_typed = |id: &str| typed.value_source(id) == Some(ValueSource::CommandLine);
        let added = |option: &str| composed.added.iter().find(|added| added.option == option);
        let all = is_typed("all_accounts") || added("all-accounts").is_some_and(|added| !added.arguments.is_empty());
        let known = self.file.as_ref().map(|file| &file.accounts);
        let none = || {
            let file = self
                .file
                .as_ref()
                .map(|file| format!("{} has no [accounts.NAME]", file.path.display()));
            let file = file.unwrap_or_else(|| format!("there is no configuration ({}, --config)", super::FILE_NAME));
            Error::Usage(format!("no account is known: {file}"))
        };
        if all {
            let known = known.filter(|known| !known.is_empty()).ok_or_else(none)?;
            return Ok(known.values().collect());
        }
        let names: Vec<String> = if is_typed("account") {
            typed
                .get_many::<String>("account")
                .into_iter()
                .flatten()
                .cloned()
                .collect()
        } else {
            let texts = added("account").map_or(&[][..], |added| &added.texts);
            let texts = texts.iter().map(|text| text.to_string_lossy().into_owned());
            texts
                .flat_map(|text| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>())
                .collect()
        };
        let mut accounts: Vec<&AccountPart> = Vec::new();
        for name in names {
            let known = known.filter(|known| !known.is_empty()).ok_or_else(none)?;
            let account = known.get(&name).ok_or_else(|| {
                let names: Vec<String> = known.keys().cloned().collect();
                let near = nearest(&name, &names).map_or(String::new(), |near| format!("; did you mean {near}?"));
                Error::Usage(format!(
                    "no account is called '{name}'{near} (known: {})",
                    names.join(", ")
                ))
            })?;
            if !accounts.iter().any(|other| other.source.name == name) {
                accounts.push(account);
            }
        }
        Ok(accounts)
    }
}
