//! Layers of settings, put over each other: for each option the highest that has it, as one command line.

use std::ffi::{OsStr, OsString};
use std::fmt;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::api::address::API_URL_VARIABLE;
use crate::api::token::TOKEN_VARIABLE;
use crate::clock::NOW_VARIABLE;
use crate::config::blame::Added;
use crate::config::file::{AccountPart, File, Kind, Sections, Setting, nearest, options, options_below};
use crate::config::{Composed, Outside, PREFIX};
use crate::error::{Error, Result};

/// The forms of a period, of which one takes the place of any other.
const PERIOD: [&str; 6] = ["month", "last_month", "last", "from", "to", "cycle"];
/// What the ecosystem's own variables say, which stand in the environment's layer.
const ECOSYSTEM: [(&str, &str); 2] = [("token-file", TOKEN_VARIABLE), ("api-url", API_URL_VARIABLE)];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file and its line.
    File(String, usize),
    /// A variable.
    Environment(String),
    /// As it was typed.
    CommandLine,
    /// Nobody said otherwise.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Origin::File(path, line) => write!(f, "{path}:{line}"),
            Origin::Environment(name) => f.write_str(name),
            Origin::CommandLine => f.write_str("command line"),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// How high an origin stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Height {
    File,
    Account,
    Environment,
    CommandLine,
}

/// What was found besides the command line.
#[derive(Debug, Default)]
pub struct Layers {
    /// The file.
    pub file: Option<File>,
    environment: Vec<(String, OsString)>,
}

impl Layers {
    /// The layers of a file and an environment.
    pub fn new(file: Option<File>, outside: &Outside) -> Layers {
        let named = |(name, value): &(OsString, OsString)| Some((name.to_str()?.to_owned(), value.clone()));
        let environment = outside.variables.iter().filter_map(named);
        Layers {
            file,
            // Set to nothing is not set.
            environment: environment.filter(|(_, value)| !value.is_empty()).collect(),
        }
    }

    fn variable(&self, name: &str) -> Option<&OsString> {
        self.environment
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    fn of_environment(&self, path: &[String], option: &str) -> Option<Setting> {
        let of_one = [path.join("_"), option.into()].join("_");
        [of_one, option.into()].iter().find_map(|name| {
            let name = variable_name(name);
            let value = self.variable(&name)?;
            Some(Setting {
                texts: vec![value.clone()],
                kind: Kind::Any,
                origin: Origin::Environment(name),
            })
        })
    }

    /// The highest layer's word on an option, the command line apart.
    fn find(&self, path: &[String], option: &str, account: Option<&AccountPart>) -> Option<(Height, Setting)> {
        let key = path.join(".");
        let within = |sections: &Sections| {
            let of_one = sections.of.get(&key).and_then(|section| section.get(option));
            of_one.or_else(|| sections.all.get(option)).cloned()
        };
        let own = account.and_then(|part| within(&part.sections));
        let own = own.map(|setting| (Height::Account, setting));
        // Whose account it is no variable for all of them can say.
        if own.is_some() && option == "api-url" {
            return own;
        }
        let shared = || {
            let ecosystem = ECOSYSTEM.iter().find(|(name, _)| *name == option);
            let spoken_for = ecosystem.is_some_and(|(_, variable)| self.variable(variable).is_some());
            let setting = within(&self.file.as_ref()?.sections).filter(|_| !spoken_for)?;
            Some((Height::File, setting))
        };
        let environment = self.of_environment(path, option);
        let environment = environment.map(|setting| (Height::Environment, setting));
        environment.or(own).or_else(shared)
    }

    /// The command line with all that other layers add to it.
    pub fn compose(
        &self,
        root: &Command,
        typed: &ArgMatches,
        argv: &[OsString],
        account: Option<&AccountPart>,
    ) -> Result<Composed> {
        let (path, command, typed) = leaf(root, typed);
        let mut found: Vec<(Height, &Arg, Vec<OsString>, Setting)> = Vec::new();
        let mut in_force: Vec<(Height, &Arg)> = Vec::new();
        for arg in command.get_arguments() {
            if typed.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine) {
                in_force.push((Height::CommandLine, arg));
                continue;
            }
            let Some(long) = arg
                .get_long()
                .filter(|long| options(command).iter().any(|option| option == long))
            else {
                continue;
            };
            // The account's own is known by now.
            if account.is_some() && long == "token-file" {
                continue;
            }
            if let Some((height, setting)) = self.find(&path, long, account) {
                let given = arguments(arg, &setting)?;
                // A flag that is off leaves the others alone.
                if !given.is_empty() {
                    in_force.push((height, arg));
                }
                found.push((height, arg, given, setting));
            }
        }
        let mut added = Vec::new();
        for (height, arg, given, setting) in found {
            let gives_way = |(other, by): &(Height, &Arg)| *other > height && clash(command, arg, by);
            if in_force.iter().any(gives_way) {
                continue;
            }
            added.push(Added {
                option: arg.get_long().unwrap_or_default().into(),
                arguments: given,
                texts: setting.texts,
                origin: setting.origin,
            });
        }
        let end = argv.iter().position(|arg| arg == "--").unwrap_or(argv.len());
        // Where the last positional takes all that follows, what is added would be taken for it.
        let swallows = command.get_positionals().any(Arg::is_trailing_var_arg_set);
        let all = added.iter().filter(|_| !swallows);
        let all = all.flat_map(|added| added.arguments.iter().cloned());
        let argv = argv[..end]
            .iter()
            .cloned()
            .chain(all)
            .chain(argv[end..].iter().cloned());
        Ok(Composed {
            argv: argv.collect(),
            added,
            path,
        })
    }

    /// What else decides whom is asked and as whom, in comments: never a token.
    pub(super) fn ecosystem(&self, given: &[&str], account: Option<&AccountPart>) -> String {
        let mut text = String::new();
        for (option, variable) in ECOSYSTEM {
            let told = match account {
                Some(account) if option == "token-file" => {
                    match (&account.source.token_file, &account.source.token_env) {
                        (Some(file), _) => format!("# the token is in {}, the account's token-file", file.display()),
                        (None, Some(variable)) => format!("# the token is in {variable}, the account's token-env"),
                        (None, None) => continue,
                    }
                }
                _ if given.contains(&option) || self.variable(variable).is_none() => continue,
                _ => format!("# {option} is not set: {variable} is"),
            };
            text += &format!("{}\n", crate::text::escape_control(&told));
        }
        text
    }

    /// An option's text by any layer but the command line.
    pub(super) fn text(&self, path: &[String], option: &str) -> Option<OsString> {
        let (_, setting) = self.find(path, option, None)?;
        setting.texts.into_iter().next()
    }

    /// Variables that look like this program's and are none.
    pub fn unknown_variables(&self, root: &Command) -> Vec<String> {
        let mut known = vec!["config".to_string()];
        known.extend(options_below(root));
        commands_below(root, &mut |path, command| {
            let of_one = |option: &String| [path.join("-"), option.clone()].join("-");
            known.extend(options(command).iter().map(of_one));
        });
        let of_none = |word: &&str| {
            !known
                .iter()
                .any(|option| variable_name(option) == format!("{PREFIX}{word}"))
        };
        let ours = self
            .environment
            .iter()
            .filter(|(name, _)| name != NOW_VARIABLE)
            .filter_map(|(name, _)| name.strip_prefix(PREFIX));
        let warning = |word: &str| {
            let hint = match word {
                "TOKEN" => format!(": a token is {TOKEN_VARIABLE}'s"),
                _ => nearest(word, &known)
                    .map_or(String::new(), |near| format!("; did you mean {}?", variable_name(near))),
            };
            format!("the variable {PREFIX}{word} is no option, and not heeded{hint}")
        };
        let mut warnings: Vec<String> = ours.filter(of_none).map(warning).collect();
        warnings.sort();
        warnings
    }
}

/// The command that was called, by its path, and what was typed for it.
pub(super) fn leaf<'c>(root: &'c Command, typed: &'c ArgMatches) -> (Vec<String>, &'c Command, &'c ArgMatches) {
    let (mut path, mut command, mut typed) = (Vec::new(), root, typed);
    while let Some((name, below)) = typed.subcommand()
        && let Some(found) = command.find_subcommand(name)
    {
        path.push(name.to_owned());
        (command, typed) = (found, below);
    }
    (path, command, typed)
}

/// Calls for each command, with its path.
pub(super) fn commands_below(command: &Command, each: &mut impl FnMut(&[String], &Command)) {
    fn below(command: &Command, path: &[String], each: &mut impl FnMut(&[String], &Command)) {
        for command in command.get_subcommands() {
            let path = [path, &[command.get_name().to_owned()]].concat();
            if !command.has_subcommands() {
                each(&path, command);
            }
            below(command, &path, each);
        }
    }
    below(command, &[], each);
}

fn variable_name(option: &str) -> String {
    format!("{PREFIX}{}", option.to_uppercase().replace('-', "_"))
}

/// Whether two options can't both be given.
fn clash(command: &Command, one: &Arg, other: &Arg) -> bool {
    let of_period = |arg: &Arg| PERIOD.contains(&arg.get_id().as_str());
    let excludes = |one: &Arg, other: &Arg| {
        let excluded = command.get_arg_conflicts_with(one);
        excluded.iter().any(|excluded| excluded.get_id() == other.get_id())
    };
    // These two are one form.
    let of_range = |arg: &Arg| ["from", "to"].contains(&arg.get_id().as_str());
    let periods = of_period(one) && of_period(other) && !(of_range(one) && of_range(other));
    periods || excludes(one, other) || excludes(other, one)
}

/// A setting as it would have been typed.
fn arguments(arg: &Arg, setting: &Setting) -> Result<Vec<OsString>> {
    let long = arg.get_long().unwrap_or_default();
    let wrong = |expected: &str| Error::Usage(format!("{}: {long} is {expected}", setting.origin));
    let flag: OsString = format!("--{long}").into();
    let one = setting.texts.first();
    let text = one.and_then(|text| text.to_str()).unwrap_or_default();
    match arg.get_action() {
        ArgAction::SetTrue => match text {
            _ if !matches!(setting.kind, Kind::Flag | Kind::Any) => Err(wrong("true or false")),
            "true" | "1" | "yes" | "on" => Ok(vec![flag]),
            "false" | "0" | "no" | "off" => Ok(Vec::new()),
            _ => Err(wrong("true or false")),
        },
        ArgAction::Count => match text.parse::<usize>() {
            Ok(times) if times <= 9 && setting.kind != Kind::List => Ok(vec![flag; times]),
            _ => Err(wrong("how many times it is given: 0, 1, 2")),
        },
        ArgAction::Set if is_also_a_flag(arg) => match text {
            "true" | "1" | "yes" | "on" if matches!(setting.kind, Kind::Flag | Kind::Any) => Ok(vec![flag]),
            "0" | "no" | "off" if setting.kind == Kind::Any => Ok(vec![joined(&flag, "false".as_ref())]),
            _ if setting.kind != Kind::List && values_of(arg).any(|value| value == text) => {
                Ok(vec![joined(&flag, text.as_ref())])
            }
            _ => Err(wrong(&values_of(arg).collect::<Vec<_>>().join(" or "))),
        },
        ArgAction::Set | ArgAction::Append if setting.kind == Kind::Flag => Err(wrong("a text, not true or false")),
        ArgAction::Set if setting.kind == Kind::List => Err(wrong("one text, not a list")),
        _ => Ok(setting.texts.iter().map(|text| joined(&flag, text)).collect()),
    }
}

fn values_of(arg: &Arg) -> impl Iterator<Item = String> {
    arg.get_possible_values()
        .into_iter()
        .map(|value| value.get_name().to_owned())
}

/// Whether an option is on or off where no other value is given.
pub(super) fn is_also_a_flag(arg: &Arg) -> bool {
    values_of(arg).any(|value| value == "true") && !matches!(arg.get_action(), ArgAction::SetTrue)
}

fn joined(flag: &OsStr, text: &OsStr) -> OsString {
    let mut argument = flag.to_owned();
    argument.push("=");
    argument.push(text);
    argument
}
