//! A bar for every step of a publication, and one for every file that is encoded.

use publishing::{Encoding, Progress as Step};

use crate::output::{Output, Progress, SideBySide};

/// The bar of the step that is under way.
pub(super) struct Steps {
    output: Output,
    shown: Shown,
}

enum Shown {
    Nothing,
    Bar(String, Progress),
    Files(Vec<String>, SideBySide),
}

impl Steps {
    pub(super) const fn new(output: Output) -> Self {
        Self { output, shown: Shown::Nothing }
    }

    pub(super) fn show(&mut self, step: &Step) {
        match step {
            Step::Hashing { done, total } => self.bar("reading", *total, *done),
            Step::Encoding { done, files } => self.files(*done, files),
            Step::Storing { track, done, total } => self.bar(&format!("storing {track}"), *total, *done),
            Step::Known { track } => {
                self.shown = Shown::Nothing;
                self.output.note(format_args!("{track} is stored already"));
            }
            Step::Finishing => self.bar("signing", 1, 0),
        }
    }

    fn bar(&mut self, verb: &str, total: u64, done: u64) {
        if !matches!(&self.shown, Shown::Bar(shown, _) if shown == verb) {
            self.shown = Shown::Nothing;
            self.shown = Shown::Bar(verb.to_owned(), self.output.progress(verb.to_owned(), Some(total)));
        }
        if let Shown::Bar(_, bar) = &self.shown {
            bar.reached(done);
        }
    }

    fn files(&mut self, done: f64, files: &[Encoding]) {
        let are_these = |shown: &[String]| shown.iter().eq(files.iter().map(|file| &file.name));
        if !matches!(&self.shown, Shown::Files(shown, _) if are_these(shown)) {
            let names: Vec<_> = files.iter().map(|file| file.name.clone()).collect();
            self.shown = Shown::Nothing;
            let bars = self.output.side_by_side("encoding", &names);
            self.shown = Shown::Files(names, bars);
        }
        if let Shown::Files(_, bars) = &self.shown {
            bars.reached(done, files.iter().map(|file| file.len));
        }
    }
}
