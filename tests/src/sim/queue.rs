//! What is going to happen, by moment and then by the order in which it was planned.

use std::collections::BTreeMap;

use client::Moment;

/// The events to come, and the moment of the last one taken: the virtual clock.
#[derive(Debug)]
pub(crate) struct Queue<E> {
    now: Moment,
    planned: u64,
    events: BTreeMap<(Moment, u64), E>,
}

impl<E> Queue<E> {
    pub(crate) const fn new(now: Moment) -> Self {
        Self { now, planned: 0, events: BTreeMap::new() }
    }

    pub(crate) const fn now(&self) -> Moment {
        self.now
    }

    /// Plans an event; one that would lie in the past happens now.
    pub(crate) fn at(&mut self, at: Moment, event: E) {
        self.planned += 1;
        self.events.insert((at.max(self.now), self.planned), event);
    }

    /// Advances the clock to the next event and takes it.
    pub(crate) fn next(&mut self) -> Option<E> {
        let ((at, _), event) = self.events.pop_first()?;
        self.now = at;
        Some(event)
    }
}
