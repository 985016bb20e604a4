//! What the documents say is what the tool does.

/// The source: imports in one direction, names of types defined once.
mod house;
/// Links and anchors lead somewhere; options that documents name exist.
mod links;
/// `docs/options.md` is made from the help texts.
mod options;
/// The documents as text: blocks, headings, links.
mod pages;
/// README: its length, the first command's output, the files of an export, exit codes, limits.
mod readme;
/// `docs/schema.md` is made from the table of columns and from real reports.
mod schema;
/// Statements for warehouses are made from the table of columns.
mod warehouses;
