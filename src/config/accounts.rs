//! The accounts that a command line selects, by an option of any layer.

use clap::{ArgMatches, Command};

use super::account_section::AccountSection;
use super::commands::CalledCommand;
use super::layers::Layers;
use crate::error::{Error, Result};
use crate::text::nearest::did_you_mean;

impl Layers {
    /// The selected accounts, each once; a single `None` where none is selected.
    pub fn accounts(&self, root: &Command, typed: &ArgMatches) -> Result<Vec<Option<&AccountSection>>> {
        let line = self.compose(root, typed, &[], None)?;
        let called = CalledCommand::new(root, typed);
        if !called.has_option("account") {
            return Ok(vec![None]);
        }
        let is_on = |option| line.added(option).is_some_and(|added| !added.arguments.is_empty());
        let all = called.is_typed("all_accounts") || is_on("all-accounts");
        let names: Vec<String> = if called.is_typed("account") {
            let names = called.typed.get_many::<String>("account");
            names.into_iter().flatten().cloned().collect()
        } else {
            let texts = line.added("account").into_iter().flat_map(|added| &added.setting.texts);
            let texts: Vec<_> = texts.map(|text| text.to_string_lossy()).collect();
            let names = texts.iter().flat_map(|text| text.split(','));
            names.map(|name| name.trim().to_owned()).collect()
        };
        // What `check` isn't told to test is what the jobs would use.
        let is_told = all || !names.is_empty() || ["demo", "token_file"].iter().any(|id| called.is_typed(id));
        let (all, names) = match called.path.as_slice() {
            [command] if command == "check" && !is_told => self.used_accounts(),
            _ => (all, names),
        };
        if !all && names.is_empty() {
            return Ok(vec![None]);
        }
        let known = self.file.as_ref().map(|file| &file.accounts);
        let known = known.filter(|known| !known.is_empty()).ok_or_else(|| {
            let none = match &self.file {
                Some(file) => format!("{} has no section [accounts.NAME]", file.path.display()),
                None => format!("no configuration file; expected {} or --config FILE", super::FILE_NAME),
            };
            Error::Usage(format!("no account is configured: {none}"))
        })?;
        if all {
            return Ok(known.values().map(Some).collect());
        }
        let mut accounts = indexmap::IndexMap::new();
        for name in &names {
            let account = known.get(name).ok_or_else(|| {
                let known: Vec<String> = known.keys().cloned().collect();
                let near = did_you_mean(name, known.iter().map(String::as_str));
                let known = known.join(", ");
                Error::Usage(format!("unknown account '{name}'{near}; configured: {known}"))
            })?;
            accounts.insert(name, Some(account));
        }
        Ok(accounts.into_values().collect())
    }
}
