//! What a command says, and where: its data on standard output, everything else on standard error.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{BinaryBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::failure::Unread;
use crate::printable::{Shown, shown};

/// How often a progress bar is drawn at most, in times per second.
const PROGRESS_HZ: u8 = 10;
/// What a bar of a fraction counts to.
const WHOLE: u64 = 1000;

/// The two channels of a command, in the form that the user asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read the answer.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints the command's answer on standard output: one line of JSON, or the text for people, in which nothing that others
    /// have written commands a terminal.
    pub(crate) fn answer<T: Serialize + Display>(self, answer: &T) -> anyhow::Result<()> {
        self.write(answer).map_err(Unread::or)
    }

    fn write<T: Serialize + Display>(self, answer: &T) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, answer)?;
            writeln!(out)?;
        } else {
            Shown::new(&mut out).write(answer)?;
        }
        out.flush()
    }

    /// Says something beside the answer, on standard error.
    pub(crate) fn note(self, text: impl Display) {
        if self.json {
            eprintln!("{}", serde_json::json!({ "note": text.to_string() }));
        } else {
            eprintln!("headwater: {}", shown(&text.to_string()));
        }
    }

    /// Says what must not be overlooked beside the answer, on standard error: in red where a person is watching.
    pub(crate) fn warn(self, text: impl Display) {
        if self.json || !io::stderr().is_terminal() {
            self.note(text);
        } else {
            eprintln!("headwater: \x1b[1;31m{}\x1b[0m", shown(&text.to_string()));
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

    /// A bar on standard error for each of these files, which are made side by side; drawn as [`Self::progress`] is.
    pub(crate) fn side_by_side(self, verb: &str, names: &[String]) -> SideBySide {
        let all = MultiProgress::with_draw_target(self.watched());
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {percent:>3} % {msg:>12} {eta:>4}")
            .expect("the template is a constant and valid");
        let bar = |name: &String| {
            let bar = ProgressBar::new(WHOLE).with_style(style.clone()).with_prefix(format!("{verb} {name}"));
            all.add(bar)
        };
        let bars = names.iter().map(bar).collect();
        SideBySide { bars, _all: all }
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

/// Bars that stand below each other and disappear when they are dropped.
#[derive(Debug)]
pub(crate) struct SideBySide {
    bars: Vec<ProgressBar>,
    /// Draws the bars.
    _all: MultiProgress,
}

impl SideBySide {
    /// So much of all files is done, from 0 to 1, and so many bytes there are of each.
    pub(crate) fn reached(&self, done: f64, lens: impl IntoIterator<Item = u64>) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of 1000")]
        let place = (done.clamp(0.0, 1.0) * 1000.0) as u64;
        for (bar, len) in self.bars.iter().zip(lens) {
            bar.set_position(place);
            bar.set_message(BinaryBytes(len).to_string());
        }
    }
}

impl Drop for SideBySide {
    fn drop(&mut self) {
        self.bars.iter().for_each(ProgressBar::finish_and_clear);
    }
}

/// A line that changes and disappears when it is dropped.
#[derive(Debug)]
pub(crate) struct Status(ProgressBar);

impl Status {
    /// What it says from now on.
    pub(crate) fn say(&self, text: impl Into<Cow<'static, str>>) {
        self.0.set_message(shown(&text.into()).into_owned());
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
