//! FOCUS rows to CSV in this project's dialect: RFC 4180, LF, no byte-order mark, no exponents, null an empty cell, third
//! parties' text defused. Written by hand: what is the same in every row is put together once, commas and all.

use std::io::{self, Write};

use arrow_array::StringArray;

use super::columns::{COLUMNS, Cell, Fixed};
use super::place::{Placed, Runs, text_at};
use super::text::{needs_quotes, push_inner, push_second, push_text, push_usd};
use super::{DESCRIPTION, FixedTexts};
use crate::money::Usd;
use crate::period::{format_instant, instant_bytes};
use crate::runs::schema;
use crate::text::escape_formula;

/// How many bytes are gathered before they are written.
const FULL: usize = 256 << 10;

/// What a row is put together from.
enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A cell that isn't text of the export.
    Cell(Cell),
    /// Text of the export's column of this name.
    Text { column: &'static str, third_party: bool },
}

/// Writes rows as they come.
pub(super) struct FocusCsv<W: Write> {
    to: W,
    pieces: Vec<Piece>,
    buffer: Vec<u8>,
}

/// A text column of a batch, and whether none of it needs quotes.
#[derive(Clone, Copy)]
struct Texts<'a> {
    column: Option<&'a StringArray>,
    plain: bool,
}

impl<W: Write> FocusCsv<W> {
    /// With the header in its first line.
    pub(super) fn new(to: W, fixed: &FixedTexts) -> FocusCsv<W> {
        let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
        FocusCsv {
            to,
            pieces: pieces(fixed),
            buffer: format!("{}\n", names.join(",")).into_bytes(),
        }
    }

    /// Appends rows.
    pub(super) fn write(&mut self, runs: &Runs, rows: &[Placed]) -> io::Result<()> {
        let texts: Vec<Texts> = self.pieces.iter().map(|piece| Texts::of(piece, runs)).collect();
        let act_names = Texts::named("act_name", runs);
        let mut cost = Vec::with_capacity(40);
        for placed in rows {
            cost.clear();
            push_usd(&mut cost, Usd(runs.costs.value(placed.row)));
            for (piece, texts) in self.pieces.iter().zip(&texts) {
                match piece {
                    Piece::Bytes(bytes) => self.buffer.extend_from_slice(bytes),
                    Piece::Text { third_party, .. } => texts.push(&mut self.buffer, placed.row, *third_party),
                    Piece::Cell(Cell::Cost) => self.buffer.extend_from_slice(&cost),
                    Piece::Cell(cell) => push_cell(&mut self.buffer, *cell, placed, runs, act_names),
                }
            }
            if self.buffer.len() >= FULL {
                self.to.write_all(&self.buffer)?;
                self.buffer.clear();
            }
        }
        Ok(())
    }

    /// Writes what is left, and gives the sink back.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.to.write_all(&self.buffer)?;
        self.to.flush()?;
        Ok(self.to)
    }
}

/// The cells of a row in order, what is the same in every row joined with the commas around it.
fn pieces(fixed: &FixedTexts) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut bytes = Vec::new();
    for (at, column) in COLUMNS.iter().enumerate() {
        let piece = match column.cell {
            Cell::Fixed(value) => {
                push_fixed(&mut bytes, value, fixed);
                None
            }
            Cell::Text(name) => Some(Piece::Text {
                column: name,
                third_party: is_third_party(name),
            }),
            cell => Some(Piece::Cell(cell)),
        };
        if let Some(piece) = piece {
            if !bytes.is_empty() {
                pieces.push(Piece::Bytes(std::mem::take(&mut bytes)));
            }
            pieces.push(piece);
        }
        bytes.push(if at + 1 < COLUMNS.len() { b',' } else { b'\n' });
    }
    pieces.push(Piece::Bytes(bytes));
    pieces
}

fn is_third_party(name: &str) -> bool {
    let mut columns = schema::COLUMNS.iter();
    columns.any(|column| column.name == name && column.third_party)
}

fn push_fixed(to: &mut Vec<u8>, value: Fixed, fixed: &FixedTexts) {
    match value {
        Fixed::Text(text) => push_text(to, text),
        // With a place, so that readers that guess types from text take the column for decimals, as its type is.
        Fixed::One => to.extend_from_slice(b"1.0"),
        Fixed::Null => {}
        Fixed::AccountId => push_text(to, &fixed.account_id),
        Fixed::AccountName => push_text(to, &escape_formula(fixed.account_name.as_deref().unwrap_or_default())),
        Fixed::QueriedAt => push_text(to, &format_instant(fixed.queried_at_ms)),
    }
}

fn push_cell(to: &mut Vec<u8>, cell: Cell, placed: &Placed, runs: &Runs, act_names: Texts) {
    match cell {
        Cell::Start => push_second(to, placed.start_s),
        Cell::End => push_second(to, placed.end_s),
        Cell::PeriodStart => push_second(to, placed.period.start_s),
        Cell::PeriodEnd => push_second(to, placed.period.end_s),
        Cell::PeriodBasis => to.extend_from_slice(placed.period.basis.text().as_bytes()),
        Cell::StartedAt => match instant_bytes(runs.started.value(placed.row)) {
            Some(bytes) => to.extend_from_slice(&bytes),
            None => to.extend_from_slice(format_instant(runs.started.value(placed.row)).as_bytes()),
        },
        Cell::Description => {
            let name = text_at(act_names.column, placed.row);
            let name = name.unwrap_or_else(|| runs.act_ids.value(placed.row));
            // It begins with our own words, so that no spreadsheet takes it for a formula.
            let quoted = !act_names.plain && needs_quotes(name.as_bytes());
            to.extend_from_slice(if quoted { b"\"" } else { b"" });
            to.extend_from_slice(DESCRIPTION.as_bytes());
            push_inner(to, name, quoted);
        }
        Cell::Fixed(_) | Cell::Cost | Cell::Text(_) => unreachable!("put together elsewhere"),
    }
}

impl<'a> Texts<'a> {
    fn of(piece: &Piece, runs: &Runs<'a>) -> Texts<'a> {
        match piece {
            Piece::Text { column, .. } => Texts::named(column, runs),
            Piece::Bytes(_) | Piece::Cell(_) => Texts {
                column: None,
                plain: true,
            },
        }
    }

    fn named(column: &str, runs: &Runs<'a>) -> Texts<'a> {
        let column = runs.text(column);
        Texts {
            column,
            plain: column.is_none_or(|column| !needs_quotes(column.value_data())),
        }
    }

    fn push(&self, to: &mut Vec<u8>, row: usize, third_party: bool) {
        let Some(text) = text_at(self.column, row) else {
            return;
        };
        if third_party {
            let text = escape_formula(text);
            if self.plain {
                to.extend_from_slice(text.as_bytes());
            } else {
                push_text(to, &text);
            }
        } else if self.plain {
            to.extend_from_slice(text.as_bytes());
        } else {
            push_text(to, text);
        }
    }
}
