//! What other commands than the one that was called would use: for `check`, which tests it beforehand.

use std::path::PathBuf;

use super::layers::Layers;
use crate::api::token::TokenSources;

/// A setting of the file or the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedSetting {
    pub option: String,
    pub text: String,
    /// As in `apify-runs.toml:3`, or a variable.
    pub origin: String,
}

impl Layers {
    /// What a command would use for an option of one value, for an account of the file or for none.
    pub fn used(&self, command: &str, option: &str, account: Option<&str>) -> Option<UsedSetting> {
        let account = account.and_then(|name| self.file.as_ref()?.accounts.get(name));
        let setting = self.setting(&[command.into()], option, account)?;
        Some(UsedSetting {
            option: option.into(),
            text: setting.texts.first()?.to_string_lossy().into_owned(),
            origin: setting.origin.to_string(),
        })
    }

    /// Each account of the file, and where its token comes from.
    pub fn account_tokens(&self, home: Option<&PathBuf>) -> Vec<(String, TokenSources)> {
        let accounts = self.file.iter().flat_map(|file| file.accounts.values());
        let sources = accounts.map(|account| {
            let source = &account.source;
            let variable = source.token_env.as_ref().and_then(|name| self.env.variable(name));
            let sources = TokenSources {
                file: source.token_file.clone(),
                named_variable: source.token_env.clone(),
                variable: variable.map(|token| token.to_string_lossy().into_owned().into()),
                home: home.cloned(),
                account: Some(source.name.clone()),
            };
            (source.name.clone(), sources)
        });
        sources.collect()
    }

    /// The accounts that `export` and `sync` select by themselves: all, or those with these names.
    pub(super) fn used_accounts(&self) -> (bool, Vec<String>) {
        let commands = ["export", "sync"].map(String::from);
        let is_on = |text: &str| matches!(text, "true" | "1" | "yes" | "on");
        let mut all = commands
            .iter()
            .filter_map(|command| self.used(command, "all-accounts", None));
        let all = all.any(|used| is_on(&used.text));
        let settings = commands
            .iter()
            .filter_map(|command| self.setting(std::slice::from_ref(command), "account", None));
        let mut names: Vec<String> = Vec::new();
        for text in settings.flat_map(|setting| setting.texts) {
            let text = text.to_string_lossy().into_owned();
            let new = text.split(',').map(|name| name.trim().to_owned());
            names.extend(new.filter(|name| !name.is_empty()));
        }
        (all, names)
    }
}
