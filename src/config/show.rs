//! `config show`: each setting with its value and origin. Possible secrets are left out.

use std::ffi::OsString;

use clap::error::ErrorKind::MissingRequiredArgument;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory};

use super::account_section::AccountSection;
use super::commands::{CalledCommand, argv, command, leaves, settable};
use super::refusal::with_own_tips;
use super::setting::{Origin, Setting, ValueForm, is_also_a_flag};
use super::view::{AccountView, CommandView, ConfigView, SettingValue, SettingView};
use super::{ConfigError, Layers};
use crate::cli::Cli;
use crate::text::redacted;

/// The settings of one command line, or of every command.
pub fn show(layers: &Layers, command_line: &[OsString]) -> Result<ConfigView, ConfigError> {
    let root = command();
    let mut shown = ConfigView {
        file: layers.file.as_ref().map(|file| file.path.display().to_string()),
        ..ConfigView::default()
    };
    if !command_line.is_empty() {
        shown.commands = sections(layers, &root, &argv(command_line))?;
        return Ok(shown);
    }
    for (path, command) in leaves(&root, &[]) {
        if settable(command).next().is_some() && path != ["config", "show"] {
            shown.commands.extend(sections(layers, &root, &argv(path))?);
        }
    }
    let accounts = layers.file.iter().flat_map(|file| file.accounts.values());
    shown.accounts = accounts.map(account_section).collect();
    Ok(shown)
}

/// The settings of a command line, even if it is incomplete; once for each account.
fn sections(layers: &Layers, root: &Command, argv: &[OsString]) -> Result<Vec<CommandView>, ConfigError> {
    let typed = lenient(argv)?;
    if typed.subcommand().is_none() {
        let checked = Cli::command().try_get_matches_from(argv);
        checked.map_err(|error| with_own_tips(error, root, argv))?;
    }
    let accounts = layers.accounts(root, &typed)?.into_iter();
    accounts
        .map(|account| {
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
                Some(SettingView {
                    option: long.into(),
                    value: value(arg, called.typed)?,
                    origin: origin(arg.get_id().as_str(), long)?.to_string(),
                })
            });
            let settings: Vec<SettingView> = settings.collect();
            let given: Vec<&str> = settings.iter().map(|setting| setting.option.as_str()).collect();
            let asks = called.has_option("token-file");
            Ok(CommandView {
                command: called.path.join(" "),
                account: account.map(|account| account.source.name.clone()),
                comments: if asks {
                    layers.ecosystem(&given, account)
                } else {
                    Vec::new()
                },
                settings,
            })
        })
        .collect()
}

fn lenient(argv: &[OsString]) -> Result<ArgMatches, clap::Error> {
    Cli::command().ignore_errors(true).try_get_matches_from(argv)
}

/// An account's own part: where its token comes from, never the token.
fn account_section(account: &AccountSection) -> AccountView {
    let source = &account.source;
    let of_all = account.sections.all.iter().map(|(key, setting)| (key.clone(), setting));
    let of_one = account.sections.of.iter().flat_map(|(command, section)| {
        section
            .iter()
            .map(move |(key, setting)| (format!("{command}.{key}"), setting))
    });
    let settings = of_all.chain(of_one).map(|(option, setting)| SettingView {
        option,
        value: value_in_file(setting),
        origin: setting.origin.to_string(),
    });
    AccountView {
        name: source.name.clone(),
        token_file: source.token_file.as_ref().map(|file| redacted(&file.to_string_lossy())),
        token_env: source.token_env.clone(),
        settings: settings.collect(),
    }
}

fn value_in_file(setting: &Setting) -> SettingValue {
    let texts = setting.texts.iter().map(|text| redacted(&text.to_string_lossy()));
    let texts: Vec<String> = texts.collect();
    match setting.form {
        ValueForm::Flag => SettingValue::Flag(texts.concat() == "true"),
        ValueForm::List => SettingValue::List(texts),
        _ => SettingValue::Text(texts.concat()),
    }
}

/// An option's value; none where nothing is in force.
fn value(arg: &Arg, matches: &ArgMatches) -> Option<SettingValue> {
    let (action, id) = (arg.get_action(), arg.get_id().as_str());
    match action {
        ArgAction::SetTrue => Some(SettingValue::Flag(matches.get_flag(id))),
        ArgAction::Count => Some(SettingValue::Count(matches.get_count(id))),
        _ => {
            let texts = matches.get_raw(id)?.map(|text| redacted(&text.to_string_lossy()));
            let texts: Vec<String> = texts.collect();
            match (action, texts.as_slice()) {
                (_, []) => None,
                (ArgAction::Append, _) => Some(SettingValue::List(texts)),
                (_, [text]) if is_also_a_flag(arg) && matches!(text.as_str(), "true" | "false") => {
                    Some(SettingValue::Flag(text == "true"))
                }
                (_, texts) => Some(SettingValue::Text(texts.concat())),
            }
        }
    }
}
