//! `config show`: each setting with its value and origin. Looks like TOML, for people to read; possible secrets are left out.

use std::ffi::OsString;
use std::fmt::Write;

use clap::error::ErrorKind::MissingRequiredArgument;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory};

use super::account_section::AccountSection;
use super::commands::{CalledCommand, argv, command, leaves, settable};
use super::setting::{Origin, ValueForm, is_also_a_flag};
use super::{ConfigError, Layers};
use crate::cli::Cli;
use crate::text::{escape_control, redacted, width};

/// The settings of one command line, or of every command.
pub fn show(layers: &Layers, command_line: &[OsString]) -> Result<String, ConfigError> {
    let root = command();
    let mut text = match &layers.file {
        Some(file) => format!("# {}\n", escape_control(&file.path.display().to_string())),
        None => "# no configuration file\n".to_string(),
    };
    if !command_line.is_empty() {
        return Ok(text + &section(layers, &root, &argv(command_line))?);
    }
    for (path, command) in leaves(&root, &[]) {
        if settable(command).next().is_some() && path != ["config", "show"] {
            text += &section(layers, &root, &argv(path))?;
        }
    }
    let accounts = layers.file.iter().flat_map(|file| file.accounts.values());
    accounts.for_each(|account| text += &account_section(account));
    Ok(text)
}

struct ShownSetting {
    key: String,
    value: String,
    origin: Origin,
}

/// The settings of a command line, even if it is incomplete.
fn section(layers: &Layers, root: &Command, argv: &[OsString]) -> Result<String, ConfigError> {
    let lenient = |argv: &[OsString]| Cli::command().ignore_errors(true).try_get_matches_from(argv);
    let typed = lenient(argv)?;
    if typed.subcommand().is_none() {
        Cli::command().try_get_matches_from(argv)?;
    }
    let mut text = String::new();
    for account in layers.accounts(root, &typed)? {
        let line = layers.compose(root, &typed, argv, account)?;
        // A wrong option is an error; a missing one is not shown.
        if let Err(error) = Cli::command().try_get_matches_from(&line.argv)
            && error.kind() != MissingRequiredArgument
        {
            return Err(line.attribute_error(error));
        }
        let (composed, typed) = (lenient(&line.argv)?, CalledCommand::new(root, &typed));
        let called = CalledCommand::new(root, &composed);
        let origin = |id: &str, long: &str| match line.added(long) {
            Some(added) => Some(added.setting.origin.clone()),
            None if typed.is_typed(id) => Some(Origin::CommandLine),
            None => (called.typed.value_source(id) == Some(ValueSource::DefaultValue)).then_some(Origin::Default),
        };
        let settings = settable(called.command).filter_map(|(arg, long)| {
            Some(ShownSetting {
                key: long.into(),
                value: value(arg, called.typed)?,
                origin: origin(arg.get_id().as_str(), long)?,
            })
        });
        let settings: Vec<ShownSetting> = settings.collect();
        let prefix = account.map_or(String::new(), |account| {
            format!("accounts.{}.", quoted_key(&account.source.name))
        });
        text += &format!("\n[{prefix}{}]\n{}", called.path.join("."), aligned(&settings));
        if called.has_option("token-file") {
            let given: Vec<&str> = settings.iter().map(|setting| setting.key.as_str()).collect();
            text += &layers.ecosystem(&given, account);
        }
    }
    Ok(text)
}

/// The section of an account, with the origin of its token, never the token.
fn account_section(account: &AccountSection) -> String {
    let source = &account.source;
    let mut text = format!("\n[accounts.{}]\n", quoted_key(&source.name));
    if let Some(file) = &source.token_file {
        let _ = writeln!(text, "token-file = {}", quoted(&file.to_string_lossy()));
    }
    if let Some(variable) = &source.token_env {
        let _ = writeln!(text, "token-env = {}", quoted(variable));
    }
    let of_all = account.sections.all.iter().map(|(key, setting)| (key.clone(), setting));
    let of_one = account.sections.of.iter().flat_map(|(command, section)| {
        section
            .iter()
            .map(move |(key, setting)| (format!("{command}.{key}"), setting))
    });
    let settings = of_all.chain(of_one).map(|(key, setting)| {
        let texts = setting.texts.iter().map(|text| quoted(&text.to_string_lossy()));
        let texts: Vec<String> = texts.collect();
        let value = match setting.form {
            ValueForm::Flag => texts.concat().trim_matches('"').to_owned(),
            ValueForm::List => format!("[{}]", texts.join(", ")),
            _ => texts.concat(),
        };
        ShownSetting {
            key,
            value,
            origin: setting.origin.clone(),
        }
    });
    text + &aligned(&settings.collect::<Vec<_>>())
}

fn aligned(settings: &[ShownSetting]) -> String {
    let left = |setting: &ShownSetting| format!("{} = {}", setting.key, setting.value);
    let widths = settings.iter().map(|setting| width(&left(setting)));
    let widest = widths.filter(|width| *width <= 60).max().unwrap_or(0);
    let line = |setting: &ShownSetting| {
        let left = left(setting);
        let gap = widest.saturating_sub(width(&left)) + 2;
        format!("{left}{:gap$}# {}\n", "", escape_control(&setting.origin.to_string()))
    };
    settings.iter().map(line).collect()
}

/// The value of an option as TOML; `None` if it has no value.
fn value(arg: &Arg, matches: &ArgMatches) -> Option<String> {
    let (action, id) = (arg.get_action(), arg.get_id().as_str());
    match action {
        ArgAction::SetTrue => Some(matches.get_flag(id).to_string()),
        ArgAction::Count => Some(matches.get_count(id).to_string()),
        _ => {
            let texts = matches.get_raw(id)?.map(|text| text.to_string_lossy());
            let texts: Vec<String> = texts
                .map(|text| match &*text {
                    "true" | "false" if is_also_a_flag(arg) => text.into_owned(),
                    text => quoted(text),
                })
                .collect();
            match (action, texts.as_slice()) {
                (_, []) => None,
                (ArgAction::Append, [_, _, ..]) => Some(format!("[{}]", texts.join(", "))),
                (_, texts) => Some(texts.concat()),
            }
        }
    }
}

fn quoted_key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.chars().all(bare) {
        name.into()
    } else {
        quoted(name)
    }
}

/// A text in TOML: the escapes are those of JSON. Possible secrets in a URL are left out.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(redacted(text)).to_string();
    json.replace('\u{7f}', "\\u007f")
}
