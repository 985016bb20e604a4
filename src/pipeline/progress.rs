//! How far a fetch is, on stderr: a bar on a terminal, elsewhere a line of the log now and then.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::period::Millis;
use crate::text::thousands;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Shows how many runs and details have come.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    counts: Arc<ProgressCounts>,
    lines: bool,
}

#[derive(Debug, Default)]
struct ProgressCounts {
    /// Half-open.
    period: (Millis, Millis),
    runs: AtomicU64,
    /// What the API counted, a millisecond beyond either end of the period included.
    counted: u64,
    /// The most that one page has had before the period, and after it.
    before: AtomicU64,
    after: AtomicU64,
    details: AtomicU64,
    details_wanted: AtomicU64,
}

impl ProgressCounts {
    /// Counts a page of runs by their start, in any order.
    fn received(&self, starts: &[Millis]) {
        let (from, to) = self.period;
        let before = starts.iter().filter(|start| **start < from).count() as u64;
        let after = starts.iter().filter(|start| **start >= to).count() as u64;
        self.before.fetch_max(before, Ordering::Relaxed);
        self.after.fetch_max(after, Ordering::Relaxed);
        let within = starts.len() as u64 - before - after;
        self.runs.fetch_add(within, Ordering::Relaxed);
    }

    /// The period's runs as far as the API's count and the pages tell: exact once both ends have been read.
    fn total(&self) -> u64 {
        let beyond = self.before.load(Ordering::Relaxed) + self.after.load(Ordering::Relaxed);
        self.counted.saturating_sub(beyond)
    }

    /// Windows overlap by a millisecond, so a few runs come twice.
    fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed).min(self.total())
    }

    fn done(&self) -> u64 {
        self.runs() + self.details.load(Ordering::Relaxed)
    }

    fn all(&self) -> u64 {
        self.total() + self.details_wanted.load(Ordering::Relaxed)
    }
}

impl fmt::Display for ProgressCounts {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        write!(f, "{} of {} runs", thousands(self.runs()), thousands(self.total()))?;
        let (details, wanted) = (read(&self.details), read(&self.details_wanted));
        if wanted > 0 {
            write!(f, ", {} of {} details", thousands(details), thousands(wanted))?;
        }
        Ok(())
    }
}

impl Progress {
    /// Of a half-open period and what the API counts in it. A bar on a terminal, lines of the log elsewhere.
    pub fn new(period: (Millis, Millis), counted: u64, on_terminal: bool) -> Progress {
        let bar = if on_terminal {
            ProgressBar::with_draw_target(Some(counted), ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        let style = ProgressStyle::with_template("{bar:30} {msg}, {eta} left");
        bar.set_style(style.expect("the template is valid"));
        Progress {
            bar,
            counts: Arc::new(ProgressCounts {
                period,
                counted,
                ..ProgressCounts::default()
            }),
            lines: !on_terminal,
        }
    }

    /// A page of runs came, with these starts.
    pub fn received(&self, starts: &[Millis]) {
        self.counts.received(starts);
        self.show();
    }

    pub fn details(&self, wanted: u64, came: u64) {
        self.counts.details_wanted.fetch_add(wanted, Ordering::Relaxed);
        self.counts.details.fetch_add(came, Ordering::Relaxed);
        self.show();
    }

    fn show(&self) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_length(self.counts.all());
        self.bar.set_position(self.counts.done());
        self.bar.set_message(self.counts.to_string());
    }

    /// Writes lines until it is dropped.
    pub async fn write_lines(self) {
        if !self.lines {
            return std::future::pending().await;
        }
        let start = Instant::now();
        loop {
            tokio::time::sleep(LINE_EVERY).await;
            let rate = self.counts.done() as f64 / start.elapsed().as_secs_f64();
            let left = self.counts.all().saturating_sub(self.counts.done()) as f64 / rate.max(0.001);
            tracing::info!("{}, {left:.0} s left", self.counts);
        }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_period_s_once_both_ends_have_been_read() {
        let progress = Progress::new((100, 200), 8, true);
        let shown = || progress.counts.to_string();
        assert_eq!(shown(), "0 of 8 runs");
        progress.received(&[99, 99, 100, 120]);
        assert_eq!(shown(), "2 of 6 runs");
        // The window is read again, and the next page overlaps.
        progress.received(&[99, 99, 100, 120]);
        progress.received(&[120, 150, 199, 200]);
        assert_eq!(shown(), "5 of 5 runs");
        progress.details(3, 1);
        assert_eq!(shown(), "5 of 5 runs, 1 of 3 details");
        assert_eq!((progress.counts.done(), progress.counts.all()), (6, 8));
    }
}
