//! How far a fetch is, on stderr: a bar on a terminal, a line now and then with `-v` elsewhere, else nothing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::say;
use crate::text::thousands;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Shows how many runs have come.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    received: Arc<AtomicU64>,
    total: u64,
    lines: bool,
}

impl Progress {
    /// Nothing is shown.
    pub fn hidden() -> Progress {
        Progress {
            bar: ProgressBar::hidden(),
            received: Arc::default(),
            total: 0,
            lines: false,
        }
    }

    /// A bar on a terminal, lines elsewhere if wanted.
    pub fn new(total: u64, on_terminal: bool, lines: bool) -> Progress {
        let bar = if on_terminal {
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        let style =
            ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} runs, {rate} a second, {eta} left");
        let style = style.expect("the template is valid");
        bar.set_style(
            style.with_key("rate", |state: &ProgressState, text: &mut dyn fmt::Write| {
                // A bar that can't be drawn is none.
                let _ = text.write_str(&thousands(state.per_sec() as u64));
            }),
        );
        Progress {
            bar,
            total,
            lines: lines && !on_terminal,
            ..Progress::hidden()
        }
    }

    /// More items have come.
    pub fn received(&self, items: u64) {
        self.received.fetch_add(items, Ordering::Relaxed);
        self.bar.inc(items);
    }

    /// Writes lines until it is dropped.
    pub async fn write_lines(self) {
        if !self.lines {
            return std::future::pending().await;
        }
        let start = Instant::now();
        loop {
            tokio::time::sleep(LINE_EVERY).await;
            let received = self.received.load(Ordering::Relaxed);
            let rate = received as f64 / start.elapsed().as_secs_f64();
            let left = self.total.saturating_sub(received) as f64 / rate.max(0.001);
            say(&format!(
                "apify-runs: {} of {} runs, {rate:.0} a second, {left:.0} s left",
                thousands(received.min(self.total)),
                thousands(self.total)
            ));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
