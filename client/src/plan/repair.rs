//! Reading enough columns of a segment to compute all of them: window after window of rows, in order.
//!
//! A column whose node fails is replaced by another one from that window on; what a window needs is asked for
//! again where it failed. Who takes the lost columns is decided by [`super::upload`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::time::Duration;

use chunker::{Column, Segment};
use protocol::PublicKey;

use super::{Failure, READ_WITHIN, RequestId};
use crate::health::{Health, Standing};
use crate::moment::Moment;

/// Rows of a window: half a MiB of every column.
pub(crate) const WINDOW_ROWS: u32 = 32;
/// Windows that are being read or processed at the same time.
const WINDOWS_MAX: usize = 2;
/// How often one node is asked for the same rows, when its failures may pass.
const TRIES_PER_NODE: u32 = 2;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The plan begins.
    Begin,
    /// A request was answered with verified cells.
    Answered(RequestId),
    /// A request brought nothing.
    Failed(RequestId, Failure),
    /// The oldest window that was handed over has been processed.
    Processed,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Ask for some rows of a column; answer with `Answered` or `Failed`.
    Read {
        /// The number to answer with.
        request: RequestId,
        /// Whom to ask.
        node: PublicKey,
        /// The column.
        column: Column,
        /// The rows, never empty.
        rows: Range<u32>,
        /// The request has failed (`Late`) when nothing arrives for so long.
        within: Duration,
    },
    /// Compute these rows of all other columns from these answers. Windows come in order.
    Process(Window),
    /// The whole segment has been processed. The last action.
    Finish,
    /// Too few columns can be read. The last action.
    Fail {
        /// Columns that are needed.
        required: usize,
        /// Columns that can still be read.
        available: usize,
    },
}

/// Rows of a segment, with the answers that give all of their cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The rows.
    pub rows: Range<u32>,
    /// Which column each answer has; a column may lack the last row of the segment.
    pub answers: Vec<(Column, RequestId)>,
}

#[derive(Debug)]
struct Reading {
    rows: Range<u32>,
    open: HashMap<RequestId, (Column, PublicKey)>,
    answers: Vec<(Column, RequestId)>,
}

/// The state machine.
#[derive(Debug)]
pub struct Rebuild {
    segment: Segment,
    sources: Vec<(Column, PublicKey)>,
    /// Sources that are not worth asking again.
    bad: HashSet<Column>,
    stumbles: HashMap<Column, u32>,
    next_row: u32,
    windows: VecDeque<Reading>,
    processing: usize,
    next_request: u64,
    actions: VecDeque<Action>,
    is_over: bool,
}

impl Rebuild {
    /// A plan that reads from these columns and nodes, the first ones preferred. It begins with [`Event::Begin`].
    pub fn new(segment: Segment, sources: Vec<(Column, PublicKey)>) -> Self {
        Self {
            segment,
            sources,
            bad: HashSet::new(),
            stumbles: HashMap::new(),
            next_row: 0,
            windows: VecDeque::new(),
            processing: 0,
            next_request: 0,
            actions: VecDeque::new(),
            is_over: false,
        }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Moment, event: Event, health: &mut Health) {
        match event {
            Event::Begin => {}
            Event::Answered(request) => self.answered(request, now, health),
            Event::Failed(request, failure) => self.failed(request, failure, now, health),
            Event::Processed => self.processing = self.processing.saturating_sub(1),
        }
        if self.is_over {
            return;
        }
        while self.next_row < self.segment.rows() && self.windows.len() + self.processing < WINDOWS_MAX {
            let rows = self.next_row..(self.next_row + WINDOW_ROWS).min(self.segment.rows());
            self.next_row = rows.end;
            self.windows.push_back(Reading { rows, open: HashMap::new(), answers: Vec::new() });
        }
        for index in 0..self.windows.len() {
            if !self.fill(index, now, health) {
                self.is_over = true;
                let required = usize::from(self.segment.data_columns());
                let available = self.sources.len() - self.bad.len();
                return self.actions.push_back(Action::Fail { required, available });
            }
        }
        self.hand_over();
    }

    /// The next thing to do; `None` until the next event.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The columns whose nodes did not have them as they should, with the reason to put them elsewhere.
    pub fn bad_columns(&self) -> impl Iterator<Item = Column> {
        self.bad.iter().copied()
    }

    fn answered(&mut self, request: RequestId, now: Moment, health: &mut Health) {
        for window in &mut self.windows {
            if let Some((column, node)) = window.open.remove(&request) {
                window.answers.push((column, request));
                health.heard(node, now);
                health.served(node);
            }
        }
    }

    fn failed(&mut self, request: RequestId, failure: Failure, now: Moment, health: &mut Health) {
        let found = self.windows.iter_mut().find_map(|window| window.open.remove(&request));
        let Some((column, node)) = found else { return };
        if let Some(fault) = failure.fault() {
            health.failed(node, fault, now);
        }
        let stumbles = self.stumbles.entry(column).or_default();
        *stumbles += 1;
        if !failure.is_passing() || *stumbles >= TRIES_PER_NODE {
            self.bad.insert(column);
        }
    }

    /// Asks for what a window still lacks. False when it cannot be had.
    fn fill(&mut self, index: usize, now: Moment, health: &Health) -> bool {
        let window = &mut self.windows[index];
        let required = required(&self.segment, window.rows.start);
        let has: HashSet<_> = window.answers.iter().map(|(column, _)| *column).collect();
        let asked: HashSet<_> = window.open.values().map(|(column, _)| *column).collect();
        let mut missing = required.saturating_sub(has.len() + asked.len());
        let mut options: Vec<_> = self
            .sources
            .iter()
            .filter(|(column, _)| {
                !has.contains(column) && !asked.contains(column) && !self.bad.contains(column)
            })
            .filter(|(column, _)| window.rows.start < self.segment.column_rows(*column))
            .collect();
        options.sort_by_key(|(_, node)| health.standing(*node, now) == Standing::Suspect);
        for (column, node) in options.into_iter().take(missing) {
            let request = RequestId(self.next_request);
            self.next_request += 1;
            missing -= 1;
            window.open.insert(request, (*column, *node));
            let rows = window.rows.start..window.rows.end.min(self.segment.column_rows(*column));
            let (node, column) = (*node, *column);
            self.actions.push_back(Action::Read { request, node, column, rows, within: READ_WITHIN });
        }
        missing == 0
    }

    fn hand_over(&mut self) {
        while let Some(window) = self.windows.front() {
            if window.answers.len() < required(&self.segment, window.rows.start) {
                return;
            }
            let window = self.windows.pop_front().expect("it was just looked at");
            self.processing += 1;
            self.actions.push_back(Action::Process(Window { rows: window.rows, answers: window.answers }));
        }
        if self.processing == 0 && self.next_row == self.segment.rows() {
            self.is_over = true;
            self.actions.push_back(Action::Finish);
        }
    }
}

/// How many columns it takes to compute all others from this row on.
fn required(segment: &Segment, row: u32) -> usize {
    let data = segment.stored_columns().take(usize::from(segment.data_columns()));
    data.filter(|column| row < segment.column_rows(*column)).count()
}

#[cfg(test)]
mod tests {
    use chunker::{CellSize, Coding, Geometry};
    use proptest::prelude::*;

    use super::*;

    fn segment(coding: &str, cells: u64) -> Segment {
        let coding: Coding = coding.parse().unwrap();
        Geometry::new(coding, CellSize::LARGEST, cells).unwrap().segment(0).unwrap()
    }

    fn node(column: Column) -> PublicKey {
        protocol::SecretKey::from_bytes(&[column.number() + 1; 32]).public()
    }

    /// Runs the plan; `fails` says what a column's node does when asked for the rows from there.
    fn run(
        segment: Segment,
        gone: &[u8],
        fails: impl Fn(Column, u32) -> Option<Failure>,
    ) -> (Action, usize, u32) {
        let sources = segment.stored_columns().filter(|column| !gone.contains(&column.number()));
        let mut plan = Rebuild::new(segment, sources.map(|column| (column, node(column))).collect());
        let (mut health, now) = (Health::new(), Moment::default());
        let (mut events, mut asked) = (VecDeque::from([Event::Begin]), HashMap::new());
        let (mut reads, mut next_row) = (0, 0);
        while let Some(event) = events.pop_front() {
            plan.handle(now, event, &mut health);
            while let Some(action) = plan.next_action() {
                match action {
                    Action::Read { request, node: asked_node, column, rows, .. } => {
                        assert_eq!(asked_node, node(column));
                        reads += 1;
                        events.push_back(match fails(column, rows.start) {
                            None => Event::Answered(request),
                            Some(failure) => Event::Failed(request, failure),
                        });
                        asked.insert(request, (column, rows));
                    }
                    Action::Process(window) => {
                        assert_eq!(window.rows.start, next_row);
                        next_row = window.rows.end;
                        for row in window.rows.clone() {
                            let have =
                                window.answers.iter().filter(|(_, request)| asked[request].1.contains(&row));
                            assert!(have.count() >= required(&segment, row), "row {row}");
                        }
                        events.push_back(Event::Processed);
                    }
                    last => return (last, reads, next_row),
                }
            }
        }
        panic!("the plan waits for nothing");
    }

    #[test]
    fn reads_no_more_than_needed() {
        let segment = segment("4+2", 4 * 100 - 3);
        let (last, reads, rows) = run(segment, &[1, 5], |_, _| None);
        assert_eq!((last, reads, rows), (Action::Finish, 4 * 4, 100));
    }

    #[test]
    fn a_source_that_fails_is_replaced_once() {
        let segment = segment("4+2", 4 * 100);
        let lies = |column: Column, row| (column.number() == 2 && row >= 32).then_some(Failure::Wrong);
        let (last, reads, _) = run(segment, &[1], lies);
        assert_eq!(last, Action::Finish);
        assert!(reads <= 4 * 4 + 2, "{reads}");
        let (last, ..) = run(segment, &[1, 5], lies);
        assert_eq!(last, Action::Fail { required: 4, available: 3 });
    }

    proptest! {
        #[test]
        fn ends_with_all_rows_or_a_count(
            (data, parity) in (1_u8..6, 1_u8..5), cells in 1_u64..800,
            bad in proptest::collection::vec((0_u8..10, 0_u32..200, any::<bool>()), 0..5),
        ) {
            let segment = segment(&format!("{data}+{parity}"), cells);
            let fails = |column: Column, row: u32| {
                let found = bad.iter().find(|(number, from, _)| column.number() == *number && row >= *from)?;
                Some(if found.2 { Failure::Unreachable } else { Failure::Corrupt })
            };
            let (last, reads, rows) = run(segment, &[], fails);
            let distinct: HashSet<_> = bad.iter().map(|(number, ..)| *number).collect();
            if last == Action::Finish {
                prop_assert_eq!(rows, segment.rows());
            } else {
                prop_assert!(distinct.len() > usize::from(parity), "{last:?}");
            }
            let windows = segment.rows().div_ceil(WINDOW_ROWS) as usize;
            prop_assert!(reads <= windows * usize::from(data) + 4 * 2 * WINDOWS_MAX);
        }
    }
}
