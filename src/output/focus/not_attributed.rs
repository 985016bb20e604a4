//! What Apify counts of a UTC day and no row of a run has: one row a day, so that all rows of a period add up to what is counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, RecordBatch};
use arrow_schema::ArrowError;

use crate::error::Result;
use crate::money::Usd;
use crate::output::focus::billing_period::BillingPeriods;
use crate::output::focus::charge::{Charge, DAY_S};
use crate::report::usage_explained::minus;
use crate::runs::schema::{USD_PRECISION, USD_SCALE};

/// What Apify counts of a period, and when it was asked: milliseconds since the epoch.
#[derive(Debug, Clone, Default)]
pub struct CountedUsage {
    pub queried_at_ms: i64,
    pub spans: Vec<CountedSpan>,
}

/// What Apify counts from a midnight in UTC until another, seconds since the epoch; US dollars before volume discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedSpan {
    pub start_s: i64,
    pub end_s: i64,
    pub usage: Usd,
}

/// The dollars of rows by the day in UTC on which their runs started; runs come in order.
#[derive(Default)]
pub(super) struct ChargedDays {
    /// By days since the epoch.
    days: BTreeMap<i64, Usd>,
    /// The last one.
    open: Option<(i64, Usd)>,
}

impl ChargedDays {
    pub(super) fn add(&mut self, started_at_ms: i64, usage: Usd) {
        let day = started_at_ms.div_euclid(DAY_S * 1000);
        match &mut self.open {
            Some((open, sum)) if *open == day => *sum = sum.saturating_add(usage),
            _ => {
                self.close();
                self.open = Some((day, usage));
            }
        }
    }

    fn close(&mut self) {
        if let Some((day, usage)) = self.open.take() {
            let sum = self.days.entry(day).or_default();
            *sum = sum.saturating_add(usage);
        }
    }

    /// What is left of each span, as charges and as a batch of their costs.
    pub(super) fn rest_of(
        mut self,
        spans: &[CountedSpan],
        periods: &mut BillingPeriods,
    ) -> Result<(Vec<Charge>, std::result::Result<RecordBatch, ArrowError>)> {
        self.close();
        let mut charges = Vec::with_capacity(spans.len());
        let mut costs = Vec::with_capacity(spans.len());
        for span in spans {
            let days = span.start_s.div_euclid(DAY_S)..span.end_s.div_euclid(DAY_S);
            let charged = self.days.range(days).map(|(_, usage)| *usage);
            let charged = charged.fold(Usd::default(), Usd::saturating_add);
            let period = periods.period_of(span.start_s * 1000);
            charges.push(Charge::of_rest(span.start_s, span.end_s, period)?);
            costs.push(minus(span.usage, charged).0);
        }
        let costs = Decimal128Array::from(costs).with_precision_and_scale(USD_PRECISION, USD_SCALE);
        let batch = costs.and_then(|costs| {
            let costs: ArrayRef = Arc::new(costs);
            RecordBatch::try_from_iter_with_nullable([("usage_total_usd", costs, false)])
        });
        Ok((charges, batch))
    }
}
