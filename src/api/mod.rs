//! The Apify API as a client. The only place that knows HTTP; what is asked for, and in which order, is `fetch`'s.

pub mod address;
pub mod answer;
pub mod ask;
pub mod attempts;
pub mod auxiliary;
mod bad_body;
pub mod body;
pub mod builds;
pub mod client;
pub mod counts;
pub mod detail;
pub mod endpoints;
mod failure;
pub mod item;
mod json_object;
mod members;
mod obstacle;
pub mod pacing;
pub mod page;
mod probe;
mod round_trip;
mod route;
mod scan;
pub mod surroundings;
pub mod token;
pub mod usage;
mod whole_number;
