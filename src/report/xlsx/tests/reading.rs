//! Workbooks taken apart for tests: parts, sheets, cells, as the XML that they are. Not a reader of workbooks that others wrote.

use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read};

/// A cell as the file has it.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetCell {
    pub formula: Option<String>,
    pub text: Option<String>,
    pub number: Option<f64>,
}

/// All of it.
pub struct Workbook {
    pub parts: HashMap<String, String>,
    /// Sheets by name, in order.
    pub sheets: Vec<(String, BTreeMap<String, SheetCell>)>,
}

/// What stands between two texts.
pub fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}

fn unescaped(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    plain.replace("&amp;", "&")
}

/// What stands in the first `<t>` of a piece of XML.
fn text_of(xml: &str) -> Option<String> {
    let (_, rest) = xml.split_once("<t")?;
    Some(unescaped(between(rest, ">", "</t>")?))
}

impl Workbook {
    pub fn read(bytes: &[u8]) -> Workbook {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut parts = HashMap::new();
        for at in 0..archive.len() {
            let mut file = archive.by_index(at).unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            parts.insert(file.name().unwrap().to_string(), text);
        }
        let shared = parts.get("xl/sharedStrings.xml").map_or("", String::as_str);
        let shared: Vec<String> = shared.split("<si>").skip(1).filter_map(text_of).collect();
        let names = parts["xl/workbook.xml"].split("<sheet name=\"").skip(1);
        let sheets = (1..).zip(names).map(|(number, rest)| {
            let name = unescaped(rest.split_once('"').unwrap().0);
            let xml = &parts[&format!("xl/worksheets/sheet{number}.xml")];
            let cells = xml.split("<c r=\"").skip(1).filter_map(|cell| {
                let (place, rest) = cell.split_once('"')?;
                let (attributes, rest) = rest.split_once('>')?;
                let body = rest.split_once("</c>").map_or("", |(body, _)| body);
                let value = between(body, "<v>", "</v>");
                let found = SheetCell {
                    formula: between(body, "<f>", "</f>").map(unescaped),
                    text: match attributes {
                        _ if attributes.contains("t=\"s\"") => Some(shared[value?.parse::<usize>().unwrap()].clone()),
                        _ if attributes.contains("t=\"inlineStr\"") => text_of(body),
                        _ => None,
                    },
                    number: value
                        .filter(|_| !attributes.contains("t=\""))
                        .map(|value| value.parse().unwrap()),
                };
                (!attributes.ends_with('/')).then(|| (place.to_string(), found))
            });
            (name, cells.collect())
        });
        Workbook {
            sheets: sheets.collect(),
            parts: parts.clone(),
        }
    }

    pub fn sheet(&self, name: &str) -> &BTreeMap<String, SheetCell> {
        let sheet = self.sheets.iter().find(|(sheet, _)| sheet == name);
        &sheet.unwrap_or_else(|| panic!("no sheet {name}")).1
    }

    pub fn text(&self, sheet: &str, place: &str) -> &str {
        self.sheet(sheet)
            .get(place)
            .and_then(|cell| cell.text.as_deref())
            .unwrap_or("")
    }

    pub fn number(&self, sheet: &str, place: &str) -> Option<f64> {
        self.sheet(sheet).get(place)?.number
    }

    /// The letter of a column by its heading.
    pub fn column(&self, sheet: &str, head: &str) -> String {
        let cells = self.sheet(sheet).iter();
        let mut heads = cells.filter(|(place, _)| place.trim_start_matches(char::is_alphabetic) == "4");
        let found = heads.find(|(_, cell)| cell.text.as_deref() == Some(head));
        found
            .unwrap_or_else(|| panic!("no column {head}"))
            .0
            .trim_end_matches('4')
            .into()
    }
}
