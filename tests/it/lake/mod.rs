//! `sync` and `lake`, and lakes that are read as exports are.

/// `lake info`, and the JSON of the other commands.
mod info;
/// Lakes whose log is damaged.
mod log;
/// Lakes that are read: the same figures as an export's.
mod read;
/// Object stores.
mod stores;
/// `sync`, and the table that it leaves.
mod sync;
/// Faults that must not pass in silence.
mod truth;
/// Odd days.
mod unusual;
