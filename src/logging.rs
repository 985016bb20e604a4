//! Writes stderr: warnings and errors as plain words, or, with `-v` or `--log-format`, lines with time, level and the job's
//! ID. Nothing here decides what is worth a line; tokens and personal data are never passed to it.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use clap::ValueEnum;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::period::{format_instant, now_ms};
use crate::text::escape_control;

/// The target of what a command says in the course of its work, such as a server's address: written at every level, as it is.
pub const SAID: &str = "apify_runs::said";
const ACCOUNT: &str = "account";

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `2025-10-03T06:00:00.000Z INFO 20251003T060000Z-1a2b3c4d message key=value`
    Text,
    /// An object a line: timestamp, level, job, account, message, fields
    Json,
}

/// Writes the events of this program from now on: those of `-v` so many times, or warnings and errors alone.
pub fn start(verbosity: u8, format: Option<LogFormat>, job: &str) {
    let level = match verbosity {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let format = format.or((verbosity > 0).then_some(LogFormat::Text));
    let job = job.into();
    let lines = Lines { format, job };
    // Libraries' own events may hold secrets.
    let ours = Targets::new().with_targets([("apify_runs", level), (SAID, LevelFilter::INFO)]);
    // A second one in the same process, as in tests, changes nothing.
    let _ = tracing_subscriber::registry().with(lines.with_filter(ours)).try_init();
}

/// An ID for a job: when it began, and four random bytes.
pub fn job_id(now_ms: i64) -> String {
    use std::hash::{BuildHasher, Hasher};
    let random = std::hash::RandomState::new().build_hasher().finish() as u32;
    let began = chrono::DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
    format!("{}-{random:08x}", began.format("%Y%m%dT%H%M%SZ"))
}

/// Writes each event as a line, or as many as its message has.
struct Lines {
    /// None for plain words.
    format: Option<LogFormat>,
    job: String,
}

struct AccountName(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = EventFields::default();
        attributes.record(&mut fields);
        let account = fields.values.get(ACCOUNT).and_then(Value::as_str);
        if let (Some(account), Some(span)) = (account, context.span(id)) {
            span.extensions_mut().insert(AccountName(account.into()));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let mut spans = context.event_scope(event).into_iter().flatten();
        let account = spans.find_map(|span| Some(span.extensions().get::<AccountName>()?.0.clone()));
        let (account, level) = (account.as_deref(), *event.metadata().level());
        let text = match self.format {
            None => plain(fields, account, level, event.metadata().target() == SAID),
            Some(LogFormat::Text) => self.text(fields, account, level),
            Some(LogFormat::Json) => self.json(fields, account, level),
        };
        // A closed stderr is no reason to stop.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

fn plain(fields: EventFields, account: Option<&str>, level: Level, said: bool) -> String {
    let mut prefix = String::new();
    if !said {
        prefix += "apify-runs: ";
        account.iter().for_each(|account| prefix += &format!("{account}: "));
        prefix += if level == Level::WARN { "warning: " } else { "" };
    }
    let lines: Vec<String> = fields.message.lines().map(escape_control).collect();
    format!("{prefix}{}\n", lines.join("\n"))
}

impl Lines {
    fn text(&self, fields: EventFields, account: Option<&str>, level: Level) -> String {
        let account = account.map_or(String::new(), |account| format!(" {account}"));
        let head = format!("{} {level} {}{account}", format_instant(now_ms()), self.job);
        let mut suffix = String::new();
        for (name, value) in &fields.values {
            let _ = match value {
                Value::String(text) => write!(suffix, " {name}={}", escape_control(text)),
                value => write!(suffix, " {name}={value}"),
            };
        }
        // A message of several lines is as many lines of the log.
        let lines = fields.message.lines().map(escape_control);
        let lines: Vec<String> = lines.map(|line| format!("{head} {line}{suffix}\n")).collect();
        lines.concat()
    }

    fn json(&self, fields: EventFields, account: Option<&str>, level: Level) -> String {
        let mut line = Map::new();
        line.insert("timestamp".into(), format_instant(now_ms()).into());
        line.insert("level".into(), level.as_str().to_lowercase().into());
        line.insert("job".into(), self.job.clone().into());
        account.map(|account| line.insert(ACCOUNT.into(), account.into()));
        line.insert("message".into(), fields.message.into());
        line.extend(fields.values);
        Value::Object(line).to_string() + "\n"
    }
}

#[derive(Default)]
struct EventFields {
    message: String,
    values: Map<String, Value>,
}

impl EventFields {
    fn note(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => {
                self.values.insert(name.into(), value);
            }
        }
    }
}

impl Visit for EventFields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.note(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.note(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.note(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.note(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(message: &str) -> EventFields {
        let mut values = Map::new();
        values.insert("offset".into(), 1000.into());
        values.insert("path".into(), "/v2/\u{1b}[31m".into());
        EventFields {
            message: message.into(),
            values,
        }
    }

    #[test]
    fn plain_words_say_whose_they_are_and_show_no_fields() {
        let warning = plain(fields("a gap"), Some("acme"), Level::WARN, false);
        assert_eq!(warning, "apify-runs: acme: warning: a gap\n");
        assert_eq!(
            plain(fields("no\ntoken"), None, Level::ERROR, false),
            "apify-runs: no\ntoken\n"
        );
        assert_eq!(plain(fields("serving"), None, Level::INFO, true), "serving\n");
    }

    #[test]
    fn every_line_of_a_log_has_the_job_and_steers_no_terminal() {
        let lines = Lines {
            format: None,
            job: "20251003T060000Z-0a1b2c3d".into(),
        };
        let text = lines.text(fields("one\ntwo"), Some("acme"), Level::INFO);
        for (line, message) in text.lines().zip(["one", "two"]) {
            let words = format!(" INFO 20251003T060000Z-0a1b2c3d acme {message} offset=1000 path=/v2/");
            assert!(line.contains(&words) && !line.contains('\u{1b}'), "{line}");
        }
        assert_eq!(text.lines().count(), 2);
        let line = lines.json(fields("one\ntwo"), None, Level::DEBUG);
        let json: Value = serde_json::from_str(line.strip_suffix('\n').unwrap()).unwrap();
        assert!(!line.trim_end().contains('\n'));
        assert_eq!(json["level"], "debug");
        assert_eq!(json["job"], "20251003T060000Z-0a1b2c3d");
        assert_eq!(json["message"], "one\ntwo");
        assert_eq!(json["offset"], 1000);
        assert!(json.get("account").is_none());
    }

    #[test]
    fn a_jobs_id_begins_with_its_start() {
        let id = job_id(1_759_471_200_000);
        assert!(id.starts_with("20251003T060000Z-") && id.len() == 25, "{id}");
        assert_ne!(id, job_id(1_759_471_200_000));
    }
}
