//! A bar for every step of a publication.

use publishing::Progress as Step;

use crate::output::{Output, Progress};

/// The bar of the step that is under way.
pub(super) struct Steps {
    output: Output,
    shown: Option<(String, Progress)>,
}

/// What a bar of a fraction counts to.
const WHOLE: u64 = 1000;

impl Steps {
    pub(super) const fn new(output: Output) -> Self {
        Self { output, shown: None }
    }

    pub(super) fn show(&mut self, step: &Step) {
        match step {
            Step::Hashing { done, total } => self.bar("reading", *total, *done),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of 1000")]
            Step::Encoding { what, done } => {
                self.bar(&format!("encoding {what}"), WHOLE, (done.clamp(0.0, 1.0) * 1000.0) as u64);
            }
            Step::Storing { track, done, total } => self.bar(&format!("storing {track}"), *total, *done),
            Step::Known { track } => {
                self.shown = None;
                self.output.note(format_args!("{track} is stored already"));
            }
            Step::Finishing => self.bar("signing", 1, 0),
        }
    }

    fn bar(&mut self, verb: &str, total: u64, done: u64) {
        if self.shown.as_ref().is_none_or(|(shown, _)| shown != verb) {
            self.shown = None;
            self.shown = Some((verb.to_owned(), self.output.progress(verb.to_owned(), Some(total))));
        }
        if let Some((_, bar)) = &self.shown {
            bar.reached(done);
        }
    }
}
