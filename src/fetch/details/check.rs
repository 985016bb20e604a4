//! Asks for details of runs whose cost the list has, and compares. A check only: no row changes, what can't be had is counted, and
//! nothing of it is an error.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{DetailReply, Details, FAILURES_IN_A_ROW, failed};
use crate::error::Result;
use crate::fetch::list_sample::SampledRun;
use crate::fetch::names::is_path_segment;
use crate::fetch::time_budget::TimeBudget;
use crate::runs::detail::RunDetail;

impl Details {
    /// Compares the list's costs of these runs with those of their details, as far as these come in time: that is so long beyond what
    /// the rate of details takes.
    pub async fn check(self: &Arc<Self>, runs: Vec<SampledRun>, time: Duration) -> Result<()> {
        let at_the_rate = self.api.least_time(0, runs.len() as u64);
        let time = Arc::new(TimeBudget::new(time + at_the_rate));
        let mut under_way = JoinSet::new();
        for run in runs {
            let (details, time) = (self.clone(), time.clone());
            under_way.spawn(async move {
                let permit = details.at_once.acquire().await;
                let detail = time.run_within(details.look_at(run.as_listed().id)).await.flatten();
                drop(permit);
                (run, detail)
            });
        }
        while let Some(answered) = under_way.join_next().await {
            let (run, detail) = answered.map_err(failed)?;
            let checked = &mut self.progress().counts.checked;
            run.as_listed().compare(detail.as_ref(), &self.options.settle, checked);
        }
        Ok(())
    }

    /// A run's detail, if it can be had.
    async fn look_at(&self, id: &str) -> Option<RunDetail> {
        let details_fail = self.progress().failures_in_a_row >= FAILURES_IN_A_ROW;
        if details_fail || !is_path_segment(id) {
            return None;
        }
        match self.reply(id).await {
            Ok(DetailReply::Read(answered)) => Some(answered.detail),
            _ => None,
        }
    }
}
