//! That the list's costs are not those of the details, with what both come to.

use serde::{Deserialize, Serialize};

use crate::money::Usd;
use crate::provenance::{CostDifference, DetailCounts, DetailMode};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDifference {
    /// Which costs the rows have: those of the list, or those of the details.
    pub rows_from: CostSource,
    /// Runs whose cost in the list differs from their cost in the details.
    pub runs: u64,
    /// Settled runs with a cost in the list whose details were requested.
    pub asked: u64,
    /// Usage of the differing runs by the list, in US dollars.
    pub usage_list_usd: Usd,
    /// Usage of the differing runs by their details, in US dollars.
    pub usage_details_usd: Usd,
    pub differs_most: CostDifference,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CostSource {
    List,
    Details,
}

impl ListDifference {
    /// None where no cost differs.
    pub fn of(details: &DetailCounts) -> Option<ListDifference> {
        let checked = &details.checked;
        Some(ListDifference {
            rows_from: match details.mode {
                DetailMode::All => CostSource::Details,
                DetailMode::Missing | DetailMode::None => CostSource::List,
            },
            runs: checked.differing,
            asked: checked.asked,
            usage_list_usd: checked.usage_list_usd,
            usage_details_usd: checked.usage_details_usd,
            differs_most: checked.differs_most.clone()?,
        })
    }
}
