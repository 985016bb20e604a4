//! A type as its source has it: fields or variants, with doc comments and serde's attributes. Reads what rustfmt has laid out: an
//! attribute, a field and a variant's beginning each stand on a line of their own.

use std::fs;
use std::path::Path;

pub struct Item {
    pub name: String,
    pub docs: String,
    attributes: String,
    pub shape: Shape,
}

pub enum Shape {
    Struct(Vec<Field>),
    Enum(Vec<Variant>),
}

#[derive(Clone)]
pub struct Field {
    pub name: String,
    pub kind: String,
    pub docs: String,
    attributes: String,
}

pub struct Variant {
    pub name: String,
    pub docs: String,
    /// The type that it holds without a name of its own.
    pub holds: Option<String>,
    pub fields: Vec<Field>,
}

impl Item {
    /// The one definition of a name in this crate.
    pub fn find(name: &str) -> Item {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                let lines: Vec<&str> = text.lines().collect();
                if let Some(item) = (0..lines.len()).find_map(|at| Item::at(&lines, at, name)) {
                    return item;
                }
            }
        }
        panic!("no type {name} in src")
    }

    fn at(lines: &[&str], at: usize, name: &str) -> Option<Item> {
        let line = lines[at].strip_prefix("pub ").unwrap_or(lines[at]);
        let (keyword, rest) = line.split_once(' ')?;
        let rest = rest
            .strip_prefix(name)
            .filter(|_| matches!(keyword, "struct" | "enum"))?;
        if !rest.starts_with([' ', '<']) || !rest.ends_with('{') {
            return None;
        }
        let is_about = |line: &&&str| line.starts_with("///") || line.starts_with("#[");
        let start = at - lines[..at].iter().rev().take_while(is_about).count();
        let (docs, attributes) = about(&lines[start..at]);
        let end = at + lines[at..].iter().position(|line| *line == "}")?;
        let body = &lines[at + 1..end];
        Some(Item {
            name: name.into(),
            docs,
            attributes,
            shape: match keyword {
                "struct" => Shape::Struct(fields(body)),
                _ => Shape::Enum(variants(body)),
            },
        })
    }

    pub fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.attributes, name)
    }

    /// A variant's name as it is written.
    pub fn written_name(&self, variant: &str) -> String {
        match self.attribute("rename_all").as_deref() {
            Some("lowercase") => variant.to_lowercase(),
            Some("snake_case") => {
                let words = variant
                    .char_indices()
                    .map(|(at, letter)| match letter.is_uppercase() && at > 0 {
                        true => format!("_{}", letter.to_lowercase()),
                        false => letter.to_lowercase().to_string(),
                    });
                words.collect()
            }
            other => panic!("{}: names are written as {other:?}", self.name),
        }
    }
}

impl Field {
    pub fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.attributes, name)
    }

    pub fn has(&self, word: &str) -> bool {
        let mut words = self
            .attributes
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.any(|found| found == word)
    }

    /// Not written, or by a rule of its own.
    pub fn is_left_out(&self) -> bool {
        self.has("skip") || self.has("flatten")
    }

    pub fn written_name(&self) -> &str {
        let renamed = self
            .attributes
            .split_once("rename = \"")
            .and_then(|(_, rest)| rest.split_once('"'));
        renamed.map_or(&self.name, |(name, _)| name)
    }
}

/// The doc comment in one line, and the attributes.
fn about(lines: &[&str]) -> (String, String) {
    let lines = || lines.iter().map(|line| line.trim());
    let docs: Vec<&str> = lines()
        .filter_map(|line| line.strip_prefix("///"))
        .map(str::trim)
        .collect();
    let attributes: Vec<&str> = lines().filter(|line| line.starts_with("#[serde(")).collect();
    (docs.join(" "), attributes.join(" "))
}

/// The text of `name = "text"`.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut parts = attributes
        .split(['(', ',', ' '])
        .zip(attributes.split(['(', ',', ' ']).skip(2));
    let (_, text) = parts.find(|(found, _)| *found == name)?;
    Some(text.trim_matches(|letter| "\")]".contains(letter)).into())
}

fn fields(lines: &[&str]) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut start = 0;
    for (at, line) in lines.iter().enumerate() {
        let line = line.trim().trim_end_matches(',');
        if line.starts_with("///") || line.starts_with("#[") {
            continue;
        }
        let line = line.strip_prefix("pub ").unwrap_or(line);
        if let Some((name, kind)) = line.split_once(": ") {
            let (docs, attributes) = about(&lines[start..at]);
            fields.push(Field {
                name: name.into(),
                kind: kind.into(),
                docs,
                attributes,
            });
        }
        start = at + 1;
    }
    fields
}

fn variants(lines: &[&str]) -> Vec<Variant> {
    let mut variants = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < lines.len() {
        let line = lines[at].trim().trim_end_matches(',');
        if line.starts_with("///") || line.starts_with("#[") {
            at += 1;
            continue;
        }
        let (docs, attributes) = about(&lines[start..at]);
        let name = line.split(['(', ' ']).next().unwrap();
        let holds = line
            .split_once('(')
            .map(|(_, rest)| rest.trim_end_matches(')').to_string());
        let mut own = Vec::new();
        if let Some((_, rest)) = line.split_once(" {") {
            // On this line, or up to the brace that stands alone.
            let inline = rest.trim_end_matches('}').trim();
            let end = at
                + lines[at..]
                    .iter()
                    .position(|line| line.trim().ends_with("},") || line.trim() == "}")
                    .unwrap();
            own = match inline {
                "" => fields(&lines[at + 1..end]),
                inline => fields(&[inline]),
            };
            at = end;
        }
        // Skipped ones are written by a rule of their own.
        if !attributes.contains("(skip)") {
            variants.push(Variant {
                name: name.into(),
                docs,
                holds,
                fields: own,
            });
        }
        at += 1;
        start = at;
    }
    variants
}
