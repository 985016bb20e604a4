//! The configuration file: its keys are options' long names. Only names are judged here; values are texts with a place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Command;
use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::AccountSource;
use super::layers::Origin;
use crate::error::{Error, Result};

/// Options that a file can't hold: they are about this one call.
const NOT_IN_FILES: [&str; 4] = ["config", "help", "help-all", "version"];
/// Options of the whole job, which no account has for itself.
const OF_THE_JOB: [&str; 11] = [
    "account",
    "accounts-at-once",
    "all-accounts",
    "deadline",
    "jitter",
    "json",
    "log-format",
    "metrics-file",
    "outcome",
    "quiet",
    "verbose",
];
const TOKEN_ENV: &str = "token-env";

/// A value as it stands in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its texts: more than one of a list.
    pub texts: Vec<OsString>,
    /// What it was written as.
    pub kind: Kind,
    /// Where it stands.
    pub origin: Origin,
}

/// What a value was written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// true or false.
    Flag,
    /// A list.
    List,
    /// A number, a date, a text.
    One,
    /// A text of the environment, which could be any of these.
    Any,
}

/// Settings of one command, or of all; by option.
pub type Section = IndexMap<String, Setting>;

/// Settings of all commands and of single ones.
#[derive(Debug, Default)]
pub struct Sections {
    /// Of every command that has the option.
    pub all: Section,
    /// Of one command, by its name, such as `export` and `lake.close`.
    pub of: IndexMap<String, Section>,
}

/// What is said of an account.
#[derive(Debug)]
pub struct AccountPart {
    /// Name and token.
    pub source: AccountSource,
    /// Its own options.
    pub sections: Sections,
}

/// A configuration file.
#[derive(Debug)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// Whether somebody named it; else it was found.
    pub is_named: bool,
    /// What holds for every account.
    pub sections: Sections,
    /// The accounts, in order.
    pub accounts: IndexMap<String, AccountPart>,
}

impl File {
    /// Reads the text of a file for the commands that there are.
    ///
    /// # Errors
    /// [`Error::Usage`] with line and, for a key that no command has, the nearest known one.
    pub fn parse(text: &str, path: &Path, root: &Command) -> Result<File> {
        let place = Place { text, path, within: "" };
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            place.wrong(at, error.message().trim())
        })?;
        let mut file = File {
            path: path.into(),
            is_named: false,
            sections: Sections::default(),
            accounts: IndexMap::new(),
        };
        for (key, value) in table.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("accounts", DeValue::Table(accounts)) => {
                    for (name, part) in accounts {
                        let part = account(name, part, root, &place)?;
                        file.accounts.insert(part.source.name.clone(), part);
                    }
                }
                ("accounts", _) => {
                    let at = key.span().start;
                    return Err(place.wrong(at, "accounts are sections, each with a name: [accounts.NAME]"));
                }
                _ => file.sections.take(key, value, root, &place)?,
            }
        }
        Ok(file)
    }
}

/// A file's text, for messages.
struct Place<'t> {
    text: &'t str,
    path: &'t Path,
    /// What stands before a command's name in its section's.
    within: &'t str,
}

impl Place<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        1 + before.bytes().filter(|byte| *byte == b'\n').count()
    }

    fn origin(&self, at: usize) -> Origin {
        Origin::File(self.path.display().to_string(), self.line(at))
    }

    fn wrong(&self, at: usize, problem: &str) -> Error {
        Error::Usage(format!("{}: {problem}", self.origin(at)))
    }

    /// A command's name that holds something else than its options.
    fn not_a_section(&self, at: usize, path: &str) -> Error {
        self.wrong(
            at,
            &format!(
                "{path} is a command: what is set for it stands once, below [{}{path}]",
                self.within
            ),
        )
    }

    /// A key that nothing goes by.
    fn unknown(&self, at: usize, key: &str, of: &str, known: &[String]) -> Error {
        if ["token", "api-token", "apify-token"].contains(&key) {
            return self.wrong(
                at,
                "a token must not stand in here: name a file that holds it with token-file, or, of an account, a variable \
                 with token-env",
            );
        }
        let near = nearest(key, known).map_or(String::new(), |near| format!("; did you mean '{near}'?"));
        self.wrong(at, &format!("'{key}' is no option of {of}{near}"))
    }
}

/// The known word that a word was probably meant to be.
pub fn nearest<'k>(word: &str, known: &'k [String]) -> Option<&'k String> {
    let word = word.to_lowercase().replace('_', "-");
    let likeness = |known: &&String| (strsim::jaro_winkler(&word, known) * 1e6) as u64;
    known
        .iter()
        .max_by_key(likeness)
        .filter(|near| likeness(near) > 750_000)
}

impl Sections {
    /// Takes a key over: an option, or a command's section.
    fn take(
        &mut self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        root: &Command,
        place: &Place,
    ) -> Result<()> {
        let (name, at) = (key.get_ref().as_ref(), key.span().start);
        match value.get_ref() {
            DeValue::Table(table) => match root.find_subcommand(name) {
                Some(command) => self.command(name, command, table, place),
                None => {
                    let mut known = names(root);
                    known.push("accounts".into());
                    let near = nearest(name, &known).map_or(String::new(), |near| format!("; did you mean [{near}]?"));
                    Err(place.wrong(at, &format!("[{name}] is no command{near}")))
                }
            },
            _ => {
                let known = options_below(root);
                if !known.iter().any(|option| option == name) {
                    if !NOT_IN_FILES.contains(&name) && root.find_subcommand(name).is_some() {
                        return Err(place.not_a_section(at, name));
                    }
                    return Err(place.unknown(at, name, "any command", &known));
                }
                self.all.insert(name.into(), setting(value, place)?);
                Ok(())
            }
        }
    }

    fn command(&mut self, path: &str, command: &Command, table: &DeTable<'_>, place: &Place) -> Result<()> {
        let known = options(command);
        for (key, value) in table {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            if let (DeValue::Table(table), Some(below)) = (value.get_ref(), command.find_subcommand(name)) {
                self.command(&format!("{path}.{name}"), below, table, place)?;
                continue;
            }
            if !known.iter().any(|option| option == name) {
                if command.find_subcommand(name).is_some() {
                    return Err(place.not_a_section(at, &format!("{path}.{name}")));
                }
                let known = [known, names(command)].concat();
                return Err(place.unknown(at, name, &path.replace('.', " "), &known));
            }
            let section = self.of.entry(path.into()).or_default();
            section.insert(name.into(), setting(value, place)?);
        }
        Ok(())
    }
}

/// What stands in `[accounts.NAME]`.
fn account(
    name: &Spanned<std::borrow::Cow<'_, str>>,
    part: &Spanned<DeValue<'_>>,
    root: &Command,
    place: &Place,
) -> Result<AccountPart> {
    let at = name.span().start;
    let name = name.get_ref().as_ref();
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let begins_plainly = name.starts_with(char::is_alphanumeric);
    if !begins_plainly || !name.chars().all(plain) || name.len() > 100 || name == "demo" {
        return Err(place.wrong(
            at,
            &format!("an account's name becomes a folder's: a letter or digit, then those, '-', '_' and '.', at most 100 bytes, and not demo; found {name:?}"),
        ));
    }
    let DeValue::Table(table) = part.get_ref() else {
        return Err(place.wrong(
            at,
            &format!("[accounts.{name}] is a section: token-file or token-env, and options"),
        ));
    };
    let place = &Place {
        within: &format!("accounts.{name}."),
        ..*place
    };
    let mut source = AccountSource {
        name: name.into(),
        token_file: None,
        token_env: None,
    };
    let mut sections = Sections::default();
    for (key, value) in table {
        let at = key.span().start;
        let word = key.get_ref().as_ref();
        let text = || value.get_ref().as_str().map(String::from);
        let is_a_text = || place.wrong(at, &format!("{word} is a text"));
        match word {
            TOKEN_ENV => source.token_env = Some(text().ok_or_else(is_a_text)?),
            "token-file" => source.token_file = Some(text().ok_or_else(is_a_text)?.into()),
            _ => sections.take(key, value, root, place)?,
        }
    }
    let of_all_commands = sections.all.iter().chain(sections.of.values().flatten());
    for (key, setting) in of_all_commands {
        if OF_THE_JOB.contains(&key.as_str()) {
            return Err(Error::Usage(format!(
                "{}: {key} is of the whole job: it belongs above the accounts",
                setting.origin
            )));
        }
    }
    let variable = source.token_env.as_deref().unwrap_or("T");
    let is_a_name = variable
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_a_name || variable.to_lowercase().starts_with("apify_api_") {
        return Err(place.wrong(
            at,
            "token-env is the name of a variable that holds the token, never the token",
        ));
    }
    if source.token_file.is_some() == source.token_env.is_some() {
        return Err(place.wrong(
            at,
            &format!("[accounts.{name}] needs token-file or token-env, and one of them"),
        ));
    }
    Ok(AccountPart { source, sections })
}

fn setting(value: &Spanned<DeValue<'_>>, place: &Place) -> Result<Setting> {
    let at = value.span().start;
    let (texts, kind) = match value.get_ref() {
        DeValue::Boolean(yes) => (vec![yes.to_string().into()], Kind::Flag),
        DeValue::Array(list) => {
            let texts: Result<Vec<OsString>> = list.iter().map(|value| one(value, place)).collect();
            (texts?, Kind::List)
        }
        _ => (vec![one(value, place)?], Kind::One),
    };
    Ok(Setting {
        texts,
        kind,
        origin: place.origin(at),
    })
}

fn one(value: &Spanned<DeValue<'_>>, place: &Place) -> Result<OsString> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::Boolean(_) | DeValue::Array(_) | DeValue::Table(_) => {
            return Err(place.wrong(value.span().start, "expected a text or a number"));
        }
    };
    Ok(text.into())
}

/// The long names of a command's options that a layer can hold.
pub fn options(command: &Command) -> Vec<String> {
    let longs = command.get_arguments().filter_map(|arg| arg.get_long());
    longs
        .filter(|long| !NOT_IN_FILES.contains(long))
        .map(String::from)
        .collect()
}

/// Those of every command below one, each once.
pub fn options_below(root: &Command) -> Vec<String> {
    let mut all = options(root);
    root.get_subcommands()
        .for_each(|command| all.extend(options_below(command)));
    all.sort();
    all.dedup();
    all
}

fn names(command: &Command) -> Vec<String> {
    command
        .get_subcommands()
        .map(|command| command.get_name().into())
        .collect()
}
