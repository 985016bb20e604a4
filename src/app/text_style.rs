//! How stdout is written: bold letters only on a terminal that shows them to somebody who wants them, and links only on one
//! that is known to open them. Others may print a link's address as text.

use std::io::{self, IsTerminal};

use crate::config::ProcessEnv;
use crate::report::terminal::TextStyle;

/// The first version of VTE (GNOME Terminal and others) that has links and no fault in them.
const VTE: u32 = 5000;
/// What terminals with links write into TERM_PROGRAM.
const PROGRAMS: [&str; 7] = ["ghostty", "Hyper", "iTerm.app", "rio", "Tabby", "vscode", "WezTerm"];
/// What terminals with links write into TERM.
const TERMS: [&str; 6] = ["alacritty", "foot", "xterm-ghostty", "xterm-kitty", "wezterm", "rio"];
/// Variables that only terminals with links set.
const VARIABLES: [&str; 4] = ["DOMTERM", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "WT_SESSION"];

pub fn of_stdout(env: &ProcessEnv) -> TextStyle {
    let text = |name: &str| env.variable(name).map(|value| value.to_string_lossy().into_owned());
    style(io::stdout().is_terminal(), text)
}

fn style(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> TextStyle {
    let term = variable("TERM");
    if !is_terminal || variable("NO_COLOR").is_some() || term.as_deref() == Some("dumb") {
        return TextStyle::Plain;
    }
    let is_any = |value: Option<String>, known: &[&str]| value.is_some_and(|value| known.contains(&value.as_str()));
    let vte = variable("VTE_VERSION").and_then(|version| version.parse::<u32>().ok());
    // Between two terminals, tmux and screen pass links on or not by their own settings.
    let is_inside = variable("TMUX").is_some() || variable("STY").is_some();
    let has_links = is_any(variable("TERM_PROGRAM"), &PROGRAMS)
        || is_any(term, &TERMS)
        || vte.is_some_and(|version| version >= VTE)
        || VARIABLES.iter().any(|name| variable(name).is_some());
    if has_links && !is_inside {
        TextStyle::Linked
    } else {
        TextStyle::Bold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_for_terminals_that_are_known_to_open_them() {
        let style_of = |variables: &[(&str, &str)]| {
            style(true, |name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_string())
            })
        };
        for variables in [
            [("TERM_PROGRAM", "WezTerm")],
            [("TERM", "xterm-kitty")],
            [("VTE_VERSION", "7600")],
            [("KONSOLE_VERSION", "230804")],
        ] {
            assert_eq!(style_of(&variables), TextStyle::Linked, "{variables:?}");
            let off = [variables[0], ("NO_COLOR", "1")];
            assert_eq!(style_of(&off), TextStyle::Plain);
            let inside = [variables[0], ("TMUX", "/tmp/tmux-0/default,1,0")];
            assert_eq!(style_of(&inside), TextStyle::Bold);
            let dumb = [("TERM", "dumb"), variables[0]];
            assert_eq!(style_of(&dumb), TextStyle::Plain);
            assert_eq!(style(false, |_| Some("7600".into())), TextStyle::Plain);
        }
        for variables in [
            [("TERM", "xterm-256color")],
            [("TERM_PROGRAM", "Apple_Terminal")],
            [("VTE_VERSION", "4800")],
        ] {
            assert_eq!(style_of(&variables), TextStyle::Bold, "{variables:?}");
        }
    }
}
