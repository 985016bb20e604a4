//! Tables of report.html, by the names of their sections.

use super::read::{ReadCell, ReadRow, ReadTable, RowKind, between, unescaped};

/// A section of the page: its name, its title, all that is in it.
pub struct PageSection<'p> {
    pub name: &'p str,
    pub title: String,
    pub html: &'p str,
}

pub fn sections(page: &str) -> Vec<PageSection<'_>> {
    let parts = page.split("<section id=\"").skip(1);
    let section = |part| {
        let (name, html) = str::split_once(part, '"').unwrap();
        let (title, _) = between(html, "<h2>", "</h2>").unwrap();
        PageSection {
            name,
            title: unescaped(title),
            html: html.split("</section>").next().unwrap(),
        }
    };
    parts.map(section).collect()
}

impl PageSection<'_> {
    /// Its table; what says instead that there is none has none.
    pub fn table(&self) -> Option<ReadTable> {
        let (table, more) = between(self.html, "<table>", "</table>")?;
        assert!(!more.contains("<table>"), "{} has two tables", self.name);
        let (head, body) = between(table, "<thead>", "</thead>").unwrap();
        // A head without a text is no heading.
        let head = head.replace("<td></td>", "<th scope=\"col\"></th>");
        let heads = head
            .split("<th scope=\"col\"")
            .skip(1)
            .map(|head| text(&format!("<{head}")));
        // What explains Apify's count has lines that look like totals.
        let is_of_lines = self.name == "usage_explained";
        let body = if is_of_lines {
            body.replace(" class=\"total\"", "")
        } else {
            body.into()
        };
        Some(ReadTable {
            title: self.title.clone(),
            heads: heads.collect(),
            rows: body.split("<tr").skip(1).map(row).collect(),
        })
    }
}

fn row(html: &str) -> ReadRow {
    let (attributes, cells) = html.split_once('>').unwrap();
    let starts = cells.match_indices("<t").map(|(at, _)| at);
    let starts: Vec<usize> = starts
        .filter(|at| cells[*at..].starts_with("<th ") || cells[*at..].starts_with("<td"))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([cells.len()]);
    ReadRow {
        // A row that can be chosen has its key.
        kind: match attributes
            .split_once(" data-key=")
            .map_or(attributes, |(before, _)| before)
        {
            "" => RowKind::One,
            " class=\"rest\"" => RowKind::Rest,
            " class=\"total\"" => RowKind::Total,
            other => panic!("a row with {other}"),
        },
        cells: starts
            .iter()
            .zip(ends)
            .map(|(start, end)| cell(&cells[*start..end]))
            .collect(),
    }
}

pub fn cell(html: &str) -> ReadCell {
    let html = html.split("</tr>").next().unwrap();
    let (own, under) = html.split_once("<small>").unwrap_or((html, ""));
    ReadCell {
        text: text(own),
        full: between(own, " title=\"", "\"").map(|(full, _)| unescaped(full)),
        under: (!under.is_empty()).then(|| text(under)),
        number: None,
    }
}

/// What is outside of tags.
pub fn text(html: &str) -> String {
    let parts = html
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    unescaped(&parts.collect::<String>()).trim_matches('\n').into()
}
