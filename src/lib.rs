//! `apify-runs`: every Apify Actor run of a period, counted, priced exactly and published whole.
//!
//! Modules stand in the order in which data flows:
//! `period → plan → walk (pages) → decode → dedup → write + summarise → render → publish`.
//! Only `jobs` knows several of them; the others don't import each other beyond what stands above them here.

pub mod error;
pub mod money;
pub mod output;
pub mod period;
