//! How far a fetch is, on stderr: a bar on a terminal, elsewhere a line of the log now and then.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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
    runs: AtomicU64,
    total: u64,
    details: AtomicU64,
    details_wanted: AtomicU64,
}

impl ProgressCounts {
    fn done(&self) -> u64 {
        self.runs.load(Ordering::Relaxed).min(self.total) + self.details.load(Ordering::Relaxed)
    }

    fn all(&self) -> u64 {
        self.total + self.details_wanted.load(Ordering::Relaxed)
    }
}

impl fmt::Display for ProgressCounts {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let runs = read(&self.runs).min(self.total);
        write!(f, "{} of {} runs", thousands(runs), thousands(self.total))?;
        let (details, wanted) = (read(&self.details), read(&self.details_wanted));
        if wanted > 0 {
            write!(f, ", {} of {} details", thousands(details), thousands(wanted))?;
        }
        Ok(())
    }
}

impl Progress {
    /// A bar on a terminal, lines of the log elsewhere.
    pub fn new(total: u64, on_terminal: bool) -> Progress {
        let bar = if on_terminal {
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        let style = ProgressStyle::with_template("{bar:30} {msg}, {eta} left");
        bar.set_style(style.expect("the template is valid"));
        Progress {
            bar,
            counts: Arc::new(ProgressCounts {
                total,
                ..ProgressCounts::default()
            }),
            lines: !on_terminal,
        }
    }

    pub fn received(&self, runs: u64) {
        self.counts.runs.fetch_add(runs, Ordering::Relaxed);
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
