//! Looking for one record: what to read next, until it is found or is not there.

use std::ops::Range;

use super::{BlockPlace, Catalogue, PackError, PackTop, RecordLink};
use crate::IndexPath;

/// Looks for a name, from the newest pack that can have it to the oldest. It reads nothing itself.
#[derive(Debug)]
pub struct Search<'a> {
    catalogue: &'a Catalogue,
    name: &'a IndexPath,
    state: State,
}

#[derive(Debug)]
enum State {
    Top { pack: usize },
    Block { pack: usize, top: PackTop, block: BlockPlace },
    Found { pack: usize, record: RecordLink },
    Absent,
}

/// What a search wants, or what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchStep {
    /// These bytes of this pack, to be given to [`Search::take`].
    Read {
        /// The number of the pack in the catalogue.
        pack: usize,
        /// Which bytes of its object.
        range: Range<u64>,
    },
    /// The record is in this pack.
    Found {
        /// The number of the pack in the catalogue.
        pack: usize,
        /// What reads it.
        record: RecordLink,
    },
    /// No pack has the name.
    Absent,
}

impl<'a> Search<'a> {
    /// Begins with the newest pack.
    pub fn new(catalogue: &'a Catalogue, name: &'a IndexPath) -> Self {
        let mut search = Self { catalogue, name, state: State::Absent };
        search.go_below(catalogue.packs().len());
        search
    }

    /// What it wants now.
    pub fn step(&self) -> SearchStep {
        match &self.state {
            State::Top { pack } => {
                SearchStep::Read { pack: *pack, range: self.catalogue.packs()[*pack].top_range() }
            }
            State::Block { pack, block, .. } => SearchStep::Read { pack: *pack, range: block.range.clone() },
            State::Found { pack, record } => SearchStep::Found { pack: *pack, record: record.clone() },
            State::Absent => SearchStep::Absent,
        }
    }

    /// Takes the bytes that were wanted.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        match &self.state {
            State::Top { pack } => self.take_top(*pack, bytes),
            State::Block { pack, top, block } => {
                let (pack, found) = (*pack, self.catalogue.packs()[*pack].open_block(top, block, bytes)?);
                match found.find(self.name) {
                    Some(place) => {
                        let record = self.catalogue.packs()[pack].record(place);
                        self.state = State::Found { pack, record };
                    }
                    None => self.go_below(pack),
                }
                Ok(())
            }
            State::Found { .. } | State::Absent => Ok(()),
        }
    }

    /// Goes on with the pack before the one that was found: one that is older, and has the name too.
    pub fn go_on(&mut self) {
        if let State::Found { pack, .. } = self.state {
            self.go_below(pack);
        }
    }

    fn take_top(&mut self, pack: usize, bytes: &[u8]) -> Result<(), PackError> {
        let top = self.catalogue.packs()[pack].open_top(bytes)?;
        match top.block_of(self.name).cloned() {
            Some(block) => self.state = State::Block { pack, top, block },
            None => self.go_below(pack),
        }
        Ok(())
    }

    /// Goes to the newest pack below `end` that can have the name.
    fn go_below(&mut self, end: usize) {
        let pack = self.catalogue.packs()[..end].iter().rposition(|pack| pack.spans(self.name));
        self.state = pack.map_or(State::Absent, |pack| State::Top { pack });
    }
}
