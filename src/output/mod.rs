//! What an export consists of on disk: its files, where it goes, and how it becomes visible all at once.
//! Deliberately ignorant of where rows come from, and of what reports say.

pub mod anywhere;
pub mod csv;
pub mod exported;
pub mod focus;
pub mod hashed;
pub mod lock;
pub mod manifest;
pub mod parquet;
mod place;
pub mod publish;
pub mod read;
pub mod replace;
pub mod rows;
mod swap;
