//! What `diff --json` prints: the figures first, then every run that differs, one a line. Money is decimal text, exact;
//! NULL where it is unknown.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::provenance::ChangeTotals;
use crate::report::diff::csv::{FIELDS_CHANGED, HEADER, cells};
use crate::report::diff::prices::PriceVerdict;
use crate::report::diff::{ArchiveDiff, DiffSide, Difference};

#[derive(Serialize)]
struct DiffDocument<'a> {
    notice: Option<&'a str>,
    old: &'a DiffSide,
    new: &'a DiffSide,
    cautions: Vec<String>,
    changes: AllChanges,
    prices: &'a PriceVerdict,
    moved_by_actor: Vec<ActorText<'a>>,
}

#[derive(Serialize)]
struct AllChanges {
    runs_unchanged: u64,
    #[serde(flatten)]
    changes: ChangeTotals,
}

#[derive(Serialize)]
struct ActorText<'a> {
    act_id: &'a str,
    act_name: &'a Option<String>,
    #[serde(flatten)]
    changes: ChangeTotals,
}

/// The document without its last member, which [`row`]s are: what stands between is [`SEPARATOR`], and [`END`] ends it.
pub fn figures(comparison: &ArchiveDiff) -> String {
    let ArchiveDiff {
        old,
        new,
        changes,
        prices,
    } = comparison;
    let actors = changes.actors().into_iter().map(|actor| ActorText {
        act_id: &actor.act_id,
        act_name: &actor.act_name,
        changes: (&actor.moves).into(),
    });
    let figures = DiffDocument {
        notice: comparison.notice(),
        old,
        new,
        cautions: comparison.cautions(),
        changes: AllChanges {
            runs_unchanged: changes.unchanged,
            changes: changes.total().into(),
        },
        prices,
        moved_by_actor: actors.collect(),
    };
    let text = serde_json::to_string_pretty(&figures).expect("figures have only text keys");
    let open = text.strip_suffix("\n}").unwrap_or(&text);
    format!("{open},\n  \"runs\": [")
}

pub const SEPARATOR: &str = ",";
pub const END: &str = "\n  ]\n}\n";

/// A run that differs, with the columns of the CSV table.
struct DifferenceRow<'d>(&'d Difference<'d>);

impl Serialize for DifferenceRow<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let mut row = json.serialize_map(Some(HEADER.len()))?;
        for (name, cell) in HEADER.iter().zip(cells(self.0)) {
            match *name {
                FIELDS_CHANGED => row.serialize_entry(name, &self.0.fields)?,
                name => row.serialize_entry(name, &cell)?,
            }
        }
        row.end()
    }
}

/// A run that differs, on a line of its own.
pub fn row(difference: &Difference) -> String {
    let row = serde_json::to_string(&DifferenceRow(difference));
    format!("\n    {}", row.expect("a row has only text keys"))
}
