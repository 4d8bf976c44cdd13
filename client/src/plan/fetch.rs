//! Finding a manifest: the nodes first in the ranking of its hash are asked, one, then more at a time.

use std::collections::VecDeque;
use std::time::Duration;

use protocol::PublicKey;

use super::Failure;
use crate::health::{Fault, Health, Standing};
use crate::moment::Moment;
use crate::placement::Ranked;

/// How many of the first nodes in the ranking are asked before a manifest counts as not held.
pub const FETCH_NODES_MAX: usize = 96;
/// Nodes asked at a time once the first one has disappointed.
const ABREAST: usize = 8;
/// All of it takes no longer than this.
pub const FETCH_WITHIN: Duration = Duration::from_millis(4500);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The plan begins, or the moment of its last `WakeAt` has come.
    Wake,
    /// A node sent the bytes, and their hash is right.
    Fetched(PublicKey),
    /// A node sent nothing usable.
    Failed(PublicKey, Failure),
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Ask a node; answer with `Fetched` or `Failed` within this time.
    Fetch(PublicKey, Duration),
    /// Ask a silent node for a sign of life; tell [`Health`] alone.
    Probe(PublicKey),
    /// Send `Wake` at this moment; replaces the one before.
    WakeAt(Moment),
    /// The bytes that came from this node are the result. The last action; what is still under way is dropped.
    Finish(PublicKey),
    /// There is no result. The last action.
    Fail {
        /// Nodes that were asked.
        asked: usize,
        /// Nodes among them that did not say that they do not hold it.
        silent: usize,
    },
}

#[derive(Debug)]
struct Asked {
    node: PublicKey,
    sent: Moment,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Late,
    NotHeld,
    Failed,
}

/// The state machine.
#[derive(Debug)]
pub struct Fetch {
    candidates: VecDeque<PublicKey>,
    asked: Vec<Asked>,
    began: Option<Moment>,
    actions: VecDeque<Action>,
    is_over: bool,
}

impl Fetch {
    /// A plan over the nodes of a ranking that begins with its first [`Event::Wake`]. Suspect nodes are asked last.
    pub fn new(ranking: &[Ranked], now: Moment, health: &mut Health) -> Self {
        let nodes = ranking.iter().take(FETCH_NODES_MAX).map(|node| node.id);
        let (good, suspect): (Vec<_>, Vec<_>) =
            nodes.partition(|node| health.standing(*node, now) == Standing::Good);
        let probes = suspect.iter().filter(|node| health.probe(**node, now)).map(|node| Action::Probe(*node));
        let actions = probes.collect();
        let candidates = good.into_iter().chain(suspect).collect();
        Self { candidates, asked: Vec::new(), began: None, actions, is_over: false }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Moment, event: Event, health: &mut Health) {
        if self.is_over {
            return;
        }
        let began = *self.began.get_or_insert(now);
        match event {
            Event::Wake => self.note_silence(now, health),
            Event::Fetched(node) => {
                health.heard(node, now);
                health.served(node);
                self.is_over = true;
                return self.actions.push_back(Action::Finish(node));
            }
            Event::Failed(node, failure) => self.failed(node, failure, now, health),
        }
        let open = self.asked.iter().filter(|asked| asked.state == State::Open).count();
        let wanted = if self.asked.is_empty() { 1 } else { ABREAST };
        let is_waiting = self.asked.len() == 1 && open == 1;
        if !is_waiting {
            for _ in open..wanted {
                self.ask_next(now);
            }
        }
        let hopeless = self.asked.iter().all(|asked| matches!(asked.state, State::NotHeld | State::Failed));
        if hopeless || now.since(began) >= FETCH_WITHIN {
            return self.fail();
        }
        self.set_wake(began, health);
    }

    /// The next thing to do; `None` until the next event.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn ask_next(&mut self, now: Moment) {
        if let Some(node) = self.candidates.pop_front() {
            self.asked.push(Asked { node, sent: now, state: State::Open });
            self.actions.push_back(Action::Fetch(node, FETCH_WITHIN));
        }
    }

    fn note_silence(&mut self, now: Moment, health: &mut Health) {
        for asked in self.asked.iter_mut().filter(|asked| asked.state == State::Open) {
            if late_at(asked, health) <= now {
                asked.state = State::Late;
                health.failed(asked.node, Fault::Silent, now);
            }
        }
    }

    fn failed(&mut self, node: PublicKey, failure: Failure, now: Moment, health: &mut Health) {
        if let Some(fault) = failure.fault() {
            health.failed(node, fault, now);
        }
        if let Some(asked) = self.asked.iter_mut().find(|asked| asked.node == node) {
            asked.state = if failure == Failure::NotHeld { State::NotHeld } else { State::Failed };
        }
    }

    fn fail(&mut self) {
        let silent = self.asked.iter().filter(|asked| asked.state != State::NotHeld).count();
        self.is_over = true;
        self.actions.push_back(Action::Fail { asked: self.asked.len(), silent });
    }

    fn set_wake(&mut self, began: Moment, health: &Health) {
        let open = self.asked.iter().filter(|asked| asked.state == State::Open);
        let at = open.map(|asked| late_at(asked, health)).min();
        self.actions
            .push_back(Action::WakeAt(at.unwrap_or(began.plus(FETCH_WITHIN)).min(began.plus(FETCH_WITHIN))));
    }
}

fn late_at(asked: &Asked, health: &Health) -> Moment {
    let heard = health.last_heard(asked.node).unwrap_or(asked.sent).max(asked.sent);
    heard.plus(health.silence_limit(asked.node))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::{Placement, Site};

    fn ranking(nodes: u8) -> Vec<Ranked> {
        let sites = (0..nodes).map(|number| Site {
            id: protocol::SecretKey::from_bytes(&[number + 1; 32]).public(),
            class: 0,
            addr: "127.0.0.1:1".parse().unwrap(),
            declared: None,
        });
        Placement::new(&sites.collect::<Vec<_>>(), false).rank(&[0; 32])
    }

    fn at(ms: u64) -> Moment {
        Moment::at(Duration::from_millis(ms))
    }

    fn fetches(plan: &mut Fetch) -> Vec<PublicKey> {
        let actions = std::iter::from_fn(|| plan.next_action());
        actions
            .filter_map(|action| if let Action::Fetch(node, _) = action { Some(node) } else { None })
            .collect()
    }

    #[test]
    fn the_first_node_is_asked_alone_and_the_others_when_it_is_silent() {
        let (mut health, ranking) = (Health::new(), ranking(12));
        let mut plan = Fetch::new(&ranking, at(0), &mut health);
        plan.handle(at(0), Event::Wake, &mut health);
        assert_eq!(fetches(&mut plan), [ranking[0].id]);
        plan.handle(at(60), Event::Wake, &mut health);
        assert_eq!(fetches(&mut plan).len(), ABREAST);
        plan.handle(at(61), Event::Fetched(ranking[3].id), &mut health);
        assert_eq!(plan.next_action(), Some(Action::Finish(ranking[3].id)));
        assert_eq!(health.standing(ranking[0].id, at(62)), Standing::Suspect);
    }

    #[test]
    fn not_held_is_said_only_when_everyone_said_so() {
        for (silent, failure) in [(0, Failure::NotHeld), (1, Failure::Unreachable), (1, Failure::Wrong)] {
            let (mut health, ranking) = (Health::new(), ranking(20));
            let mut plan = Fetch::new(&ranking, at(0), &mut health);
            plan.handle(at(0), Event::Wake, &mut health);
            let mut open: VecDeque<_> = fetches(&mut plan).into();
            let mut last = None;
            while let Some(node) = open.pop_front() {
                let failure = if node == ranking[7].id { failure } else { Failure::NotHeld };
                plan.handle(at(1), Event::Failed(node, failure), &mut health);
                while let Some(action) = plan.next_action() {
                    if let Action::Fetch(node, _) = action {
                        open.push_back(node);
                    }
                    last = Some(action);
                }
            }
            assert_eq!(last, Some(Action::Fail { asked: 20, silent }));
        }
    }

    #[test]
    fn silence_everywhere_ends_in_time() {
        let (mut health, ranking) = (Health::new(), ranking(30));
        let mut plan = Fetch::new(&ranking, at(0), &mut health);
        let mut now = at(0);
        loop {
            plan.handle(now, Event::Wake, &mut health);
            let mut wake = None;
            while let Some(action) = plan.next_action() {
                match action {
                    Action::WakeAt(at) => wake = Some(at),
                    Action::Fail { asked, silent } => {
                        assert_eq!((asked, silent), (30, 30));
                        assert!(now <= at(4500));
                        return;
                    }
                    _ => {}
                }
            }
            now = wake.expect("it must be woken");
        }
    }

    #[test]
    fn no_nodes_no_wait() {
        let mut health = Health::new();
        let mut plan = Fetch::new(&[], at(0), &mut health);
        plan.handle(at(0), Event::Wake, &mut health);
        assert_eq!(plan.next_action(), Some(Action::Fail { asked: 0, silent: 0 }));
    }
}
