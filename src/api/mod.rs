//! The Apify API as a client. The only place that knows HTTP; what is asked for, and in which order, is `fetch`'s.

pub mod body;
pub mod client;
mod item;
pub mod pacing;
pub mod page;
pub mod retry;
pub mod token;
