//! How stdout is written: bold letters and a drawing only on a terminal that shows them to somebody who wants them, and links only on
//! one that is known to open them: others may print a link's address as text. In ASCII but for names where the locale says so.

use std::io::{self, IsTerminal};

use crate::config::ProcessEnv;
use crate::report::terminal::{TerminalLook, TextStyle};

/// The first version of VTE (GNOME Terminal and others) that has links and no fault in them.
const VTE: u32 = 5000;
/// What terminals with links write into TERM_PROGRAM.
const PROGRAMS: [&str; 7] = ["ghostty", "Hyper", "iTerm.app", "rio", "Tabby", "vscode", "WezTerm"];
/// What terminals with links write into TERM.
const TERMS: [&str; 6] = ["alacritty", "foot", "xterm-ghostty", "xterm-kitty", "wezterm", "rio"];
/// Variables that only terminals with links set.
const VARIABLES: [&str; 4] = ["DOMTERM", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "WT_SESSION"];

pub fn of_stdout(env: &ProcessEnv) -> TerminalLook {
    let text = |name: &str| env.variable(name).map(|value| value.to_string_lossy().into_owned());
    let is_terminal = io::stdout().is_terminal();
    TerminalLook {
        style: style(is_terminal, text),
        has_days: is_terminal,
    }
}

/// Whether the locale has no letters beyond ASCII. Without a locale, as in many containers and units, UTF-8 is read everywhere.
///
/// The order of the variables: <https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html#tag_08_02>.
fn is_ascii(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
    let locale = set.map(|value| value.to_lowercase()).find(|value| !value.is_empty());
    locale.is_some_and(|locale| !locale.contains("utf-8") && !locale.contains("utf8"))
}

fn style(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> TextStyle {
    if is_ascii(&variable) {
        return TextStyle::Ascii;
    }
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
    fn the_first_locale_that_is_set_decides_about_letters() {
        let is_ascii_of = |variables: &[(&str, &str)]| {
            is_ascii(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_string())
            })
        };
        for ascii in [
            &[("LANG", "C")][..],
            &[("LC_ALL", "POSIX"), ("LANG", "en_US.UTF-8")],
            &[("LC_ALL", ""), ("LC_CTYPE", "de_DE.ISO-8859-1")],
        ] {
            assert!(is_ascii_of(ascii), "{ascii:?}");
        }
        for utf8 in [
            &[][..],
            &[("LANG", "C.UTF-8")],
            &[("LC_CTYPE", "cs_CZ.utf8"), ("LANG", "C")],
            &[("LANG", "")],
        ] {
            assert!(!is_ascii_of(utf8), "{utf8:?}");
        }
    }

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
            let vte = |name: &str| (name == "VTE_VERSION").then(|| "7600".to_string());
            assert_eq!(style(false, vte), TextStyle::Plain);
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
