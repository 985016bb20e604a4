//! One setting of a layer, and the same as arguments of a command line. Values are checked by clap.

use std::ffi::OsString;
use std::fmt;

use clap::{Arg, ArgAction};

use crate::error::{Error, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    File(String, usize),
    Environment(String),
    CommandLine,
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub texts: Vec<OsString>,
    pub form: ValueForm,
    pub origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueForm {
    Flag,
    List,
    /// A number, a date, a text.
    One,
    /// A text of the environment, which can mean any of these.
    Any,
}

impl Setting {
    /// The arguments that set the option to this value; none for a flag that is off.
    pub(super) fn arguments(&self, arg: &Arg) -> Result<Vec<OsString>> {
        let long = arg.get_long().unwrap_or_default();
        let refused = |expected: &str| Err(Error::Usage(format!("{}: {long}: expected {expected}", self.origin)));
        let flag = || Ok(vec![format!("--{long}").into()]);
        let with_value = |value: &OsString| {
            let mut argument = OsString::from(format!("--{long}="));
            argument.push(value);
            argument
        };
        let text = self.texts.first().and_then(|text| text.to_str()).unwrap_or_default();
        let is_on = matches!(text, "true" | "1" | "yes" | "on");
        let may_be_flag = matches!(self.form, ValueForm::Flag | ValueForm::Any);
        match arg.get_action() {
            ArgAction::SetTrue => match text {
                _ if is_on && may_be_flag => flag(),
                "false" | "0" | "no" | "off" if may_be_flag => Ok(Vec::new()),
                _ => refused("true or false"),
            },
            ArgAction::Count => match text.parse::<usize>() {
                Ok(times) if times <= 9 && self.form != ValueForm::List => Ok(vec![format!("--{long}").into(); times]),
                _ => refused("a number of times: 0, 1 or 2"),
            },
            ArgAction::Set if is_also_a_flag(arg) => match text {
                _ if is_on && may_be_flag => flag(),
                "0" | "no" | "off" if self.form == ValueForm::Any => Ok(vec![with_value(&"false".into())]),
                _ if self.form != ValueForm::List && values_of(arg).any(|value| value == text) => {
                    Ok(vec![with_value(&text.into())])
                }
                _ => refused(&values_of(arg).collect::<Vec<_>>().join(" or ")),
            },
            ArgAction::Set | ArgAction::Append if self.form == ValueForm::Flag => refused("a text, not true or false"),
            ArgAction::Set if self.form == ValueForm::List => refused("one text, not a list"),
            _ => Ok(self.texts.iter().map(with_value).collect()),
        }
    }
}

fn values_of(arg: &Arg) -> impl Iterator<Item = String> {
    let values = arg.get_possible_values().into_iter();
    values.map(|value| value.get_name().to_owned())
}

/// Whether an option can also be given without a value, such as `--strict`.
pub(super) fn is_also_a_flag(arg: &Arg) -> bool {
    values_of(arg).any(|value| value == "true") && !matches!(arg.get_action(), ArgAction::SetTrue)
}
