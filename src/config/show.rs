//! `config show`: what is in force, and where each value comes from. Written as TOML is, to be read by people: what may be secret is
//! left out of it.

use std::ffi::OsString;
use std::fmt::Write;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory};

use super::layers::{commands_below, is_also_a_flag, leaf};
use super::{AccountPart, Layers, Origin, Refusal, command};
use crate::cli::Cli;
use crate::text::{escape_control, redacted, width};

/// The text: of one command line, or of every command.
pub fn show(layers: &Layers, command_line: &[OsString]) -> Result<String, Refusal> {
    let root = command();
    let mut text = match &layers.file {
        Some(file) => format!("# {}\n", escape_control(&file.path.display().to_string())),
        None => "# no configuration file\n".to_string(),
    };
    if command_line.is_empty() {
        let mut paths = Vec::new();
        commands_below(&root, &mut |path, command| {
            if !super::file::options(command).is_empty() && path != ["config", "show"] {
                paths.push(path.to_vec());
            }
        });
        for path in paths {
            let argv: Vec<OsString> = std::iter::once("apify-runs".into())
                .chain(path.iter().map(OsString::from))
                .collect();
            text += &section(layers, &root, &argv)?;
        }
        let accounts = layers.file.iter().flat_map(|file| file.accounts.values());
        accounts.for_each(|account| text += &of_account(account));
        return Ok(text);
    }
    let argv: Vec<OsString> = std::iter::once("apify-runs".into())
        .chain(command_line.iter().cloned())
        .collect();
    text += &section(layers, &root, &argv)?;
    Ok(text)
}

/// A line: key, value as TOML, origin.
struct Line(String, String, Origin);

/// What is in force for a command line, whatever it lacks.
fn section(layers: &Layers, root: &Command, argv: &[OsString]) -> Result<String, Refusal> {
    let lenient = |argv: &[OsString]| Cli::command().ignore_errors(true).try_get_matches_from(argv);
    let typed = lenient(argv)?;
    if typed.subcommand().is_none() {
        Cli::command().try_get_matches_from(argv)?;
    }
    let accounts = layers.accounts(root, &typed)?;
    let accounts: Vec<Option<&AccountPart>> = match accounts.is_empty() {
        true => vec![None],
        false => accounts.into_iter().map(Some).collect(),
    };
    let mut text = String::new();
    for account in accounts {
        let composed = layers.compose(root, &typed, argv, account)?;
        // What is wrong is said; what is missing is shown as missing.
        if let Err(error) = Cli::command().try_get_matches_from(&composed.argv)
            && error.kind() != clap::error::ErrorKind::MissingRequiredArgument
        {
            return Err(composed.blamed(error));
        }
        let all = lenient(&composed.argv)?;
        let (path, command, all) = leaf(root, &all);
        let (_, _, typed) = leaf(root, &typed);
        let origin = |id: &str, long: &str| {
            let added = composed.added.iter().find(|added| added.option == long);
            match added {
                Some(added) => Some(added.origin.clone()),
                None if typed.value_source(id) == Some(ValueSource::CommandLine) => Some(Origin::CommandLine),
                None => (all.value_source(id) == Some(ValueSource::DefaultValue)).then_some(Origin::Default),
            }
        };
        let known = super::file::options(command);
        let args = command.get_arguments().filter_map(|arg| Some((arg, arg.get_long()?)));
        let lines: Vec<Line> = args
            .filter(|(_, long)| known.iter().any(|option| option == long))
            .filter_map(|(arg, long)| {
                let id = arg.get_id().as_str();
                Some(Line(long.into(), value(arg, all, id)?, origin(id, long)?))
            })
            .collect();
        let whose = account.map_or(String::new(), |account| {
            format!("accounts.{}.", quoted_key(&account.source.name))
        });
        text += &format!("\n[{whose}{}]\n{}", path.join("."), aligned(&lines));
        if known.iter().any(|option| option == "token-file") {
            text += &layers.ecosystem(&lines.iter().map(|line| line.0.as_str()).collect::<Vec<_>>(), account);
        }
    }
    Ok(text)
}

/// An account's own part: where its token comes from, never the token.
fn of_account(account: &AccountPart) -> String {
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
    let lines: Vec<Line> = of_all
        .chain(of_one)
        .map(|(key, setting)| {
            let texts: Vec<String> = setting
                .texts
                .iter()
                .map(|text| quoted(&text.to_string_lossy()))
                .collect();
            let value = match (setting.kind, texts.as_slice()) {
                (super::file::Kind::Flag, [flag]) => flag.trim_matches('"').to_owned(),
                (super::file::Kind::List, texts) => format!("[{}]", texts.join(", ")),
                (_, texts) => texts.concat(),
            };
            Line(key, value, setting.origin.clone())
        })
        .collect();
    text + &aligned(&lines)
}

fn aligned(lines: &[Line]) -> String {
    let left = |line: &Line| format!("{} = {}", line.0, line.1);
    let widest = lines
        .iter()
        .map(|line| width(&left(line)))
        .filter(|width| *width <= 60)
        .max()
        .unwrap_or(0);
    let line = |line: &Line| {
        let left = left(line);
        let gap = widest.saturating_sub(width(&left)) + 2;
        format!("{left}{:gap$}# {}\n", "", escape_control(&line.2.to_string()))
    };
    lines.iter().map(line).collect()
}

/// An option's value as TOML; none where nothing is in force.
fn value(arg: &Arg, all: &ArgMatches, id: &str) -> Option<String> {
    let action = arg.get_action();
    match action {
        ArgAction::SetTrue => Some(all.get_flag(id).to_string()),
        ArgAction::Count => Some(all.get_count(id).to_string()),
        _ => {
            let texts = all.get_raw(id)?.map(|text| text.to_string_lossy());
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

/// A text as TOML has it: JSON's escapes are TOML's. What in a URL may be secret is left out.
fn quoted(text: &str) -> String {
    serde_json::Value::from(redacted(text))
        .to_string()
        .replace('\u{7f}', "\\u007f")
}
