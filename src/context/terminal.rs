//! stdout and stderr as commands use them.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::logging::SAID;

/// stdout, or a buffer where several accounts print one document together.
#[derive(Debug, Clone, Default)]
pub enum Printer {
    #[default]
    Stdout,
    Kept(Arc<Mutex<String>>),
}

impl Printer {
    /// Prints; a closed pipe is no error.
    pub fn print(&self, text: &str) -> Result<()> {
        match self {
            Printer::Stdout => print(text),
            Printer::Kept(kept) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
                Ok(())
            }
        }
    }

    pub fn kept(&self) -> String {
        match self {
            Printer::Stdout => String::new(),
            Printer::Kept(kept) => std::mem::take(&mut kept.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

/// Says something on stderr that belongs to what was asked for, in lines that can't steer a terminal, whoever's text is in them.
pub fn say(text: &str) {
    tracing::info!(target: SAID, "{text}");
}

/// Writes a warning to stderr.
pub fn warn(text: &str) {
    tracing::warn!("{text}");
}

/// Writes to stdout; a closed pipe is no error.
pub fn print(text: &str) -> Result<()> {
    print_part(text).map(|_| ())
}

/// Writes a part of a longer text to stdout; false once the pipe is closed, which is no error.
pub fn print_part(text: &str) -> Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(anyhow::anyhow!("cannot write to stdout: {error}").into()),
    }
}
