//! What happened, line by line: hashed always, kept or printed when somebody wants to see it.

use std::collections::VecDeque;
use std::fmt;

use client::Moment;

/// Lines that are kept for the report of a failure.
const LINES_KEPT: usize = 60;

/// What becomes of a trace besides its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// The last lines are kept for the report of a failure.
    Quiet,
    /// Every line goes to standard error as it happens.
    Loud,
}

pub(crate) struct Trace {
    hasher: blake3::Hasher,
    verbosity: Verbosity,
    last: VecDeque<String>,
}

impl Trace {
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        Self { hasher: blake3::Hasher::new(), verbosity, last: VecDeque::new() }
    }

    pub(crate) fn note(&mut self, now: Moment, what: fmt::Arguments<'_>) {
        self.line(format!("{:>10.3} ms  {what}", now.elapsed().as_secs_f64() * 1000.0));
    }

    /// Adds a line that says itself when it was.
    pub(crate) fn line(&mut self, line: String) {
        self.hasher.update(line.as_bytes()).update(b"\n");
        if self.verbosity == Verbosity::Loud {
            eprintln!("{line}");
        }
        if self.last.len() == LINES_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }

    pub(crate) fn last_lines(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}
