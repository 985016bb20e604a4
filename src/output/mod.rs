//! What an export consists of on disk: its files, where it goes, and how it becomes visible all at once.
//! Deliberately ignorant of how rows are fetched, and of what reports say.

pub mod atomic_file;
pub mod csv;
pub mod focus;
pub mod hashed;
pub mod load_script;
pub mod lock;
pub mod manifest;
pub mod modes;
pub mod names;
mod output_path;
pub mod parquet;
pub mod publish;
pub mod random_access;
pub mod read;
pub mod report_csv;
pub mod rows;
pub mod shared_file;
mod swap;
