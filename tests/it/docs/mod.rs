//! What the documents say is what the tool does.

/// The source: imports in one direction, names of types defined once.
mod house;
/// The README's output, help texts, columns and limits.
mod readme;
/// `docs/schema.md` is made of the table of columns.
mod schema;
