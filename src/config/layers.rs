//! Layers of settings. Each option takes its value from the highest layer that sets it. From the highest:
//!
//! 1. the command line
//! 2. the environment: `APIFY_RUNS_EXPORT_OUT` before `APIFY_RUNS_OUT`
//! 3. the account's section of the file: options of one command before options of all
//! 4. the rest of the file, in the same order
//!
//! Two exceptions: an account's `api-url` beats the environment, and Apify's own variables beat the file. A setting that
//! excludes one of a higher layer, such as another form of a period, is dropped.

use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command};

use super::account_section::AccountSection;
use super::command_line::{AddedOption, CommandLine};
use super::commands::{CalledCommand, clash, leaves, options, options_below, settable};
use super::file::File;
use super::sections::Sections;
use super::setting::{Origin, Setting, ValueForm};
use super::{PREFIX, ProcessEnv};
use crate::api::address::API_URL_VARIABLE;
use crate::api::token::TOKEN_VARIABLE;
use crate::clock::NOW_VARIABLE;
use crate::error::Result;
use crate::text::nearest::nearest;

/// Options for which Apify's tools share a variable.
const ECOSYSTEM: [(&str, &str); 2] = [("token-file", TOKEN_VARIABLE), ("api-url", API_URL_VARIABLE)];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Height {
    File,
    Account,
    Environment,
    CommandLine,
}

#[derive(Debug, Default)]
pub struct Layers {
    pub file: Option<File>,
    pub(super) env: ProcessEnv,
}

impl Layers {
    fn find_in_environment(&self, path: &[String], option: &str) -> Option<Setting> {
        let of_one = [path.join("_"), option.into()].join("_");
        [of_one, option.into()].iter().find_map(|name| {
            let name = variable_name(name);
            Some(Setting {
                texts: vec![self.env.variable(&name)?.clone()],
                form: ValueForm::Any,
                origin: Origin::Environment(name),
            })
        })
    }

    /// An option's setting in the highest layer that has it, without the command line.
    fn find(&self, path: &[String], option: &str, account: Option<&AccountSection>) -> Option<(Height, Setting)> {
        let key = path.join(".");
        let within = |sections: &Sections| {
            let of_one = sections.of.get(&key).and_then(|section| section.get(option));
            of_one.or_else(|| sections.all.get(option)).cloned()
        };
        let own = account.and_then(|account| within(&account.sections));
        let own = own.map(|setting| (Height::Account, setting));
        // A variable for all accounts must not send the token of one elsewhere.
        if own.is_some() && option == "api-url" {
            return own;
        }
        let shared = || {
            let mut ecosystem = ECOSYSTEM.iter().filter(|(name, _)| *name == option);
            let is_beaten = ecosystem.any(|(_, variable)| self.env.variable(variable).is_some());
            let setting = within(&self.file.as_ref()?.sections).filter(|_| !is_beaten)?;
            Some((Height::File, setting))
        };
        let environment = self.find_in_environment(path, option);
        let environment = environment.map(|setting| (Height::Environment, setting));
        environment.or(own).or_else(shared)
    }

    /// An option's setting in the file or the environment.
    pub(super) fn setting(&self, path: &[String], option: &str, account: Option<&AccountSection>) -> Option<Setting> {
        self.find(path, option, account).map(|(_, setting)| setting)
    }

    /// An option's text from any layer except the command line.
    pub(super) fn text(&self, path: &[String], option: &str) -> Option<OsString> {
        self.setting(path, option, None)?.texts.into_iter().next()
    }

    /// The command line with the settings of all other layers.
    pub fn compose(
        &self,
        root: &Command,
        typed: &ArgMatches,
        argv: &[OsString],
        account: Option<&AccountSection>,
    ) -> Result<CommandLine> {
        let called = CalledCommand::new(root, typed);
        let is_typed = |arg: &Arg| called.is_typed(arg.get_id().as_str());
        let in_argv = called.command.get_arguments().filter(|arg| is_typed(arg));
        let mut in_force: Vec<(Height, &Arg)> = in_argv.map(|arg| (Height::CommandLine, arg)).collect();
        let mut found = Vec::new();
        for (arg, long) in settable(called.command) {
            // The token of an account comes from its own section.
            if is_typed(arg) || (account.is_some() && long == "token-file") {
                continue;
            }
            let Some((height, setting)) = self.find(&called.path, long, account) else {
                continue;
            };
            let arguments = setting.arguments(arg)?;
            // A flag that is off excludes nothing.
            if !arguments.is_empty() {
                in_force.push((height, arg));
            }
            let option = AddedOption {
                option: long.into(),
                arguments,
                setting,
            };
            found.push((height, arg, option));
        }
        found.retain(|(height, arg, _)| {
            let gives_way = |(other, by): &(Height, &Arg)| other > height && clash(called.command, arg, by);
            !in_force.iter().any(gives_way)
        });
        let added: Vec<AddedOption> = found.into_iter().map(|(_, _, option)| option).collect();
        let mut composed = argv.to_vec();
        let end = end_of_options(&called, argv);
        let arguments = added.iter().flat_map(|added| added.arguments.iter().cloned());
        composed.splice(end..end, arguments);
        Ok(CommandLine { argv: composed, added })
    }

    /// Where token and address come from, as comments, if no option gives them. Never the token itself.
    pub(super) fn ecosystem(&self, given: &[&str], account: Option<&AccountSection>) -> Vec<String> {
        let mut comments = Vec::new();
        for (option, variable) in ECOSYSTEM {
            let comment = match account.map(|account| &account.source) {
                Some(source) if option == "token-file" => match (&source.token_file, &source.token_env) {
                    (Some(file), _) => format!("token: from {} (token-file of the account)", file.display()),
                    (None, Some(variable)) => format!("token: from {variable} (token-env of the account)"),
                    (None, None) => continue,
                },
                _ if given.contains(&option) || self.env.variable(variable).is_none() => continue,
                _ => format!("{option}: not set; {variable} is used"),
            };
            comments.push(comment);
        }
        comments
    }

    /// Warnings of variables with our prefix that name no option.
    pub fn unknown_variables(&self, root: &Command) -> Vec<String> {
        let mut known = vec!["config".to_string()];
        known.extend(options_below(root));
        for (path, command) in leaves(root, &[]) {
            let path = path.join("-");
            known.extend(options(command).iter().map(|option| format!("{path}-{option}")));
        }
        let names = self.env.variables.iter().filter(|(_, value)| !value.is_empty());
        let names = names.filter_map(|(name, _)| name.to_str());
        let ours = names.filter(|name| *name != NOW_VARIABLE && name.starts_with(PREFIX));
        let unknown = ours.filter(|name| !known.iter().any(|option| variable_name(option) == *name));
        let warning = |name: &str| {
            let hint = match &name[PREFIX.len()..] {
                "TOKEN" => format!("; the token belongs in {TOKEN_VARIABLE}"),
                word => {
                    let near = nearest(word, known.iter().map(String::as_str));
                    near.first()
                        .map_or(String::new(), |near| format!("; did you mean {}?", variable_name(near)))
                }
            };
            format!("unknown variable {name}, ignored{hint}")
        };
        let mut warnings: Vec<String> = unknown.map(warning).collect();
        warnings.sort();
        warnings
    }
}

/// Where options can be added to a command line: before a positional that takes all that follows, else at the end.
fn end_of_options(called: &CalledCommand, argv: &[OsString]) -> usize {
    if !called.command.get_positionals().any(Arg::is_trailing_var_arg_set) {
        return argv.iter().position(|arg| arg == "--").unwrap_or(argv.len());
    }
    called.path.iter().fold(1, |start, word| {
        let mut rest = argv.iter().skip(start);
        let found = rest.position(|arg| arg == word.as_str());
        found.map_or(argv.len(), |at| start + at + 1)
    })
}

fn variable_name(option: &str) -> String {
    format!("{PREFIX}{}", option.to_uppercase().replace('-', "_"))
}
