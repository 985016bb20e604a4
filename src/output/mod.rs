//! What an export consists of on disk: where it goes, and how it becomes visible all at once.
//! Deliberately ignorant of where rows come from, and of what reports say.

mod lock;
mod place;
pub mod publish;
mod swap;
