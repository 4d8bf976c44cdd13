//! What a command says, and where: its data on standard output, everything else on standard error.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How often a progress bar is drawn at most, in times per second.
const PROGRESS_HZ: u8 = 10;

/// The two channels of a command, in the form that the user asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints the command's answer on standard output: one line of JSON, or the text for people.
    pub(crate) fn answer<T: Serialize + Display>(self, answer: &T) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, answer)?;
            writeln!(out)?;
        } else {
            write!(out, "{answer}")?;
        }
        out.flush()?;
        Ok(())
    }

    /// Says something beside the answer, on standard error.
    pub(crate) fn note(self, text: impl Display) {
        if self.json {
            eprintln!("{}", serde_json::json!({ "note": text.to_string() }));
        } else {
            eprintln!("headwater: {text}");
        }
    }

    /// What there is to say about data on standard output, on standard error; people see the data.
    pub(crate) fn answer_beside_data<T: Serialize>(self, answer: &T) -> anyhow::Result<()> {
        if self.json {
            eprintln!("{}", serde_json::to_string(answer)?);
        }
        Ok(())
    }

    /// A bar on standard error that counts bytes; it draws nothing unless a person is watching.
    ///
    /// Without a total it shows how much has passed and how fast.
    pub(crate) fn progress(self, verb: impl Into<Cow<'static, str>>, total: Option<u64>) -> Progress {
        let template = if total.is_some() {
            "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}"
        } else {
            "{msg} {spinner} {binary_bytes} {binary_bytes_per_sec}"
        };
        let style = ProgressStyle::with_template(template).expect("the templates are constants and valid");
        let bar = ProgressBar::with_draw_target(total, self.watched()).with_style(style).with_message(verb);
        bar.enable_steady_tick(Duration::from_secs(1));
        Progress(bar)
    }

    /// A line on standard error that says how far something without an end has come; nothing unless a person is watching.
    pub(crate) fn status(self) -> Status {
        let style =
            ProgressStyle::with_template("{spinner} {msg}").expect("the template is a constant and valid");
        let bar = ProgressBar::with_draw_target(None, self.watched()).with_style(style);
        bar.enable_steady_tick(Duration::from_secs(1));
        Status(bar)
    }

    fn watched(self) -> ProgressDrawTarget {
        if !self.json && io::stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(PROGRESS_HZ)
        } else {
            ProgressDrawTarget::hidden()
        }
    }
}

/// A line that changes and disappears when it is dropped.
#[derive(Debug)]
pub(crate) struct Status(ProgressBar);

impl Status {
    /// What it says from now on.
    pub(crate) fn say(&self, text: impl Into<Cow<'static, str>>) {
        self.0.set_message(text);
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A progress bar that disappears when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// So many more bytes have passed.
    pub(crate) fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// So many bytes have passed in all.
    pub(crate) fn reached(&self, bytes: u64) {
        self.0.set_position(bytes);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
