//! Runs the built binary: against the made-up account, and against a stand-in of the API that misbehaves.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

mod archive;
mod docs;
mod export;
#[cfg(feature = "lake")]
mod lake;
mod process;
mod serve;
