//! A configuration that is shown: as JSON by its fields, for people as TOML is written.

use serde::Serialize;

use crate::text::{escape_control, width};

/// Options further right than this don't move the origins of the others.
const WIDEST: usize = 60;

#[derive(Debug, Default, Serialize)]
pub struct ConfigView {
    /// The configuration file.
    pub file: Option<String>,
    pub commands: Vec<CommandView>,
    pub accounts: Vec<AccountView>,
}

/// What is in force for a command, for one account where there are several.
#[derive(Debug, Serialize)]
pub struct CommandView {
    pub command: String,
    pub account: Option<String>,
    pub settings: Vec<SettingView>,
    /// What else decides where the token and the API's address come from.
    pub comments: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct SettingView {
    pub option: String,
    pub value: SettingValue,
    pub origin: String,
}

#[derive(Debug, Serialize)]
pub struct AccountView {
    pub name: String,
    pub token_file: Option<String>,
    pub token_env: Option<String>,
    /// Those of one command have its name before theirs.
    pub settings: Vec<SettingView>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum SettingValue {
    Flag(bool),
    Count(u8),
    Text(String),
    List(Vec<String>),
}

impl ConfigView {
    pub fn to_toml(&self) -> String {
        let mut text = match &self.file {
            Some(file) => format!("# {}\n", escape_control(file)),
            None => "# no configuration file\n".to_string(),
        };
        self.commands.iter().for_each(|command| text += &command.to_toml());
        self.accounts.iter().for_each(|account| text += &account.to_toml());
        text
    }
}

impl CommandView {
    fn to_toml(&self) -> String {
        let account = self.account.as_deref();
        let prefix = account.map_or(String::new(), |account| format!("accounts.{}.", quoted_key(account)));
        let section = self.command.replace(' ', ".");
        let comments = self.comments.iter();
        let comments: String = comments
            .map(|comment| format!("# {}\n", escape_control(comment)))
            .collect();
        format!("\n[{prefix}{section}]\n{}{comments}", aligned(&self.settings))
    }
}

impl AccountView {
    fn to_toml(&self) -> String {
        let token = [("token-file", &self.token_file), ("token-env", &self.token_env)];
        let token = token.iter().filter_map(|(key, text)| {
            let text = text.as_deref()?;
            Some(format!("{key} = {}\n", quoted(text)))
        });
        let token: String = token.collect();
        format!(
            "\n[accounts.{}]\n{token}{}",
            quoted_key(&self.name),
            aligned(&self.settings)
        )
    }
}

impl SettingValue {
    fn to_toml(&self) -> String {
        match self {
            SettingValue::Flag(is_on) => is_on.to_string(),
            SettingValue::Count(count) => count.to_string(),
            SettingValue::Text(text) => quoted(text),
            SettingValue::List(texts) => match texts.as_slice() {
                [text] => quoted(text),
                texts => {
                    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                    format!("[{}]", texts.join(", "))
                }
            },
        }
    }
}

fn aligned(settings: &[SettingView]) -> String {
    let left = |setting: &SettingView| format!("{} = {}", setting.option, setting.value.to_toml());
    let widths = settings.iter().map(|setting| width(&left(setting)));
    let widest = widths.filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let line = |setting: &SettingView| {
        let left = left(setting);
        let gap = widest.saturating_sub(width(&left)) + 2;
        format!("{left}{:gap$}# {}\n", "", escape_control(&setting.origin))
    };
    settings.iter().map(line).collect()
}

fn quoted_key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.chars().all(bare) {
        name.into()
    } else {
        quoted(name)
    }
}

/// A text as TOML has it: JSON's escapes are TOML's.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json.replace('\u{7f}', "\\u007f")
}
