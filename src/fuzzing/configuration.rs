//! `apify-runs.toml`: which options it sets.

use std::path::Path;

use super::text_of;
use crate::config::{Section, Sections, ValueForm, command_with_all_options, file::File};

/// A configuration. The place of a refusal is the file and the line; each setting has the same.
pub fn configuration(bytes: &[u8]) {
    let Some(text) = text_of(bytes) else { return };
    let path = Path::new("apify-runs.toml");
    let file = match File::parse(text, path, &command_with_all_options()) {
        Ok(file) => file,
        Err(refusal) => return is_line_of(text, &refusal.to_string()),
    };
    let accounts = || file.accounts.values().map(|account| &account.sections);
    for sections in accounts().chain([&file.sections]) {
        for section in sections.of.values().chain([&sections.all]) {
            for setting in section.values() {
                is_line_of(text, &format!("{}: set", setting.origin));
            }
        }
    }
    let written = written(&file);
    let again = File::parse(&written, path, &command_with_all_options());
    let again = again.unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!(values(&again.sections), values(&file.sections), "{written}");
    assert!(again.accounts.keys().eq(file.accounts.keys()), "{written}");
    for (one, other) in again.accounts.values().zip(file.accounts.values()) {
        assert_eq!(one.source, other.source, "{written}");
        assert_eq!(values(&one.sections), values(&other.sections), "{written}");
    }
}

/// Asks for `apify-runs.toml:LINE: …`, the line one of the text.
fn is_line_of(text: &str, place: &str) {
    let line = place
        .strip_prefix("apify-runs.toml:")
        .and_then(|rest| rest.split_once(": "));
    let line = line.and_then(|(line, _)| line.parse::<usize>().ok());
    let lines = 1 + text.bytes().filter(|byte| *byte == b'\n').count();
    assert!(
        line.is_some_and(|line| (1..=lines).contains(&line)),
        "no line of the file: {place}"
    );
}

/// All settings of a part, in the order of their names.
fn values(sections: &Sections) -> Vec<String> {
    let all = sections.of.iter().map(|(name, section)| (name.as_str(), section));
    let lines = |(name, section): (&str, &Section)| {
        let line = |(option, value): (&String, _)| format!("{name} {option} {value}");
        let settings = section
            .iter()
            .map(|(option, setting)| (option, format!("{:?}", setting.texts)));
        settings
            .map(|(option, value)| line((option, value)))
            .collect::<Vec<_>>()
    };
    let mut lines: Vec<String> = all.chain([("", &sections.all)]).flat_map(lines).collect();
    lines.sort();
    lines
}

/// The same as a plain file: every section under its full name, every value a text or a list of texts.
fn written(file: &File) -> String {
    let mut out = String::new();
    write_sections(&mut out, None, &file.sections);
    for account in file.accounts.values() {
        let name = format!("accounts.{}", quoted(&account.source.name));
        out += &format!("[{name}]\n");
        if let Some(path) = &account.source.token_file {
            out += &format!("token-file = {}\n", quoted(&path.to_string_lossy()));
        }
        if let Some(variable) = &account.source.token_env {
            out += &format!("token-env = {}\n", quoted(variable));
        }
        write_sections(&mut out, Some(&name), &account.sections);
    }
    out
}

fn write_sections(out: &mut String, within: Option<&str>, sections: &Sections) {
    write_section(out, &sections.all);
    for (name, section) in &sections.of {
        let prefix = within.map_or(String::new(), |within| format!("{within}."));
        *out += &format!("[{prefix}{name}]\n");
        write_section(out, section);
    }
}

fn write_section(out: &mut String, section: &Section) {
    for (option, setting) in section {
        let texts: Vec<String> = setting
            .texts
            .iter()
            .map(|text| quoted(&text.to_string_lossy()))
            .collect();
        let value = match setting.form {
            ValueForm::List => format!("[{}]", texts.join(", ")),
            ValueForm::Flag => setting.texts[0].to_string_lossy().into_owned(),
            _ => texts.join(""),
        };
        *out += &format!("{option} = {value}\n");
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\U{:08X}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
