//! Commands that read an export back: `report`, `verify`, `diff`, `reconcile`.

/// Every format of a report says the same.
mod agree;
/// Archives that `verify` refuses, and no command takes for good.
mod broken_archives;
/// `diff`, and what `export` tells of the export that it replaces.
mod diff;
/// Exports of an earlier version, whose rows and reports lack a column.
mod earlier;
/// Every cell of every table, against report.json.
mod every_cell;
/// Reports in CSV for Excel.
mod excel;
/// FOCUS files by run and by day, whole and in parts.
mod focus;
/// Sizes of what is put into mails and wikis.
mod mail;
/// `reconcile`: a billing cycle's runs against what Apify counts.
mod reconcile;
/// Exports that are replaced while they are read.
mod replaced;
/// `report`: an export's figures once more.
mod report;
/// `report --out FILE`, and folders whose names look like a file's.
mod report_file;
/// Whole outputs of one small account, as snapshots.
mod reports;
/// `report` of several exports.
mod together;
