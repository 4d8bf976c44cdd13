//! The power goes at every step. What was acknowledged is there afterwards, with the index and without it.

use std::collections::BTreeMap;

use protocol::limits::LEASE_GRACE_S;
use protocol::{Code, Lease, Pointer, Signed, Slot};

use super::*;
use crate::layout::{FileName, Folder};

const START: u64 = 1_800_000_000;

#[derive(Clone, Copy, Debug)]
enum Op {
    Put { shard: u8, control: u8, days: u64 },
    Renew { shard: u8, control: u8, days: u64 },
    Release { shard: u8, control: u8 },
    Pointer { owner: u8, slot: u16 },
}

/// Steps of a history; the operations of one group become durable together.
#[derive(Clone, Debug)]
enum Step {
    Group(Vec<Op>),
    Pass { days: u64 },
    Collect,
    Compact,
    Restart,
}

/// What somebody holds a promise for.
#[derive(Default)]
struct Acknowledged {
    now: u64,
    leases: BTreeMap<(u8, u8), Lease>,
    released: BTreeMap<(u8, u8), Lease>,
    pointers: BTreeMap<(u8, u16), Signed<Pointer>>,
    /// Operations that were not answered: they may have happened or not.
    unanswered: Vec<Op>,
    next_id: u8,
}

impl Acknowledged {
    fn job(&mut self, store: &Store, op: Op) -> Option<Job> {
        match op {
            Op::Put { shard, control, days } => {
                self.next_id += 1;
                put(store, shard, control, self.now, days, self.next_id).ok()
            }
            Op::Renew { shard, control, days } => {
                Some(renew(self.leases.get(&(shard, control))?, control, self.now, days))
            }
            Op::Release { shard, control } => Some(release(self.leases.get(&(shard, control))?, control)),
            Op::Pointer { owner, slot } => {
                let seq = self.pointers.get(&(owner, slot)).map_or(0, |held| held.body().seq.get() + 1);
                Some(set_pointer(pointer(owner, slot, seq, START + 1000 * DAY)))
            }
        }
    }

    fn note(&mut self, op: Op, sent: Option<Signed<Pointer>>, outcome: &Outcome) -> bool {
        match (op, outcome) {
            (_, Err(refusal)) => {
                assert!(matches!(refusal.code(), Code::Internal | Code::Full), "{op:?}: {refusal}");
                self.unanswered.push(op);
                return false;
            }
            (Op::Put { shard, control, .. } | Op::Renew { shard, control, .. }, Ok(Done::Leased(lease))) => {
                self.leases.insert((shard, control), *lease);
                self.released.remove(&(shard, control));
            }
            (Op::Release { shard, control }, Ok(Done::Released)) => {
                let lease = self.leases.remove(&(shard, control)).unwrap();
                self.released.insert((shard, control), lease);
            }
            (Op::Pointer { owner, slot }, Ok(Done::PointerKept)) => {
                self.pointers.insert((owner, slot), sent.unwrap());
            }
            (op, Ok(done)) => panic!("{op:?} was answered by {done:?}"),
        }
        true
    }

    /// Carries out the history until something fails.
    fn live(&mut self, disk: &SimulatedDisk, history: &[Step]) {
        self.now = START;
        let open = |now| Store::open(Arc::new(disk.clone()), rules(), UnixSeconds::new(now));
        let Ok((mut store, _)) = open(self.now) else { return };
        for step in history {
            match step {
                Step::Group(ops) => {
                    if !self.live_group(&store, ops) {
                        return;
                    }
                }
                Step::Pass { days } => self.now += days * DAY,
                Step::Collect => {
                    if store.collect(UnixSeconds::new(self.now)).is_err() {
                        return;
                    }
                }
                Step::Compact => {
                    while let Ok(Some(_)) = store.compact_one(&[]) {
                        if disk.is_cut() {
                            return;
                        }
                    }
                }
                Step::Restart => {
                    drop(store);
                    match open(self.now) {
                        Ok((opened, _)) => store = opened,
                        Err(_) => return,
                    }
                }
            }
            if disk.is_cut() {
                return;
            }
        }
    }

    fn live_group(&mut self, store: &Store, ops: &[Op]) -> bool {
        let (mut jobs, mut sent) = (Vec::new(), Vec::new());
        for op in ops {
            match self.job(store, *op) {
                Some(job) => {
                    let pointer = match &job {
                        Job::SetPointer(SetPointer { pointer, .. }) => Some(pointer.clone()),
                        _ => None,
                    };
                    jobs.push(job);
                    sent.push((*op, pointer));
                }
                None => return false,
            }
        }
        let outcomes = store.commit(jobs);
        let noted: Vec<bool> = outcomes
            .iter()
            .zip(sent)
            .map(|(outcome, (op, pointer))| self.note(op, pointer, outcome))
            .collect();
        noted.iter().all(|ok| *ok)
    }

    fn may_differ(&self, shard: u8, control: u8) -> bool {
        self.unanswered.iter().any(|op| match *op {
            Op::Put { shard: s, control: c, .. }
            | Op::Renew { shard: s, control: c, .. }
            | Op::Release { shard: s, control: c } => (s, c) == (shard, control),
            Op::Pointer { .. } => false,
        })
    }

    fn may_be_released(&self, shard: u8, control: u8) -> bool {
        self.unanswered
            .iter()
            .any(|op| matches!(*op, Op::Release { shard: s, control: c } if (s, c) == (shard, control)))
    }

    fn check(&self, store: &Store, what: &str) {
        for (&(shard, control), promised) in &self.leases {
            let ended = promised.expires().plus(LEASE_GRACE_S).has_passed(UnixSeconds::new(self.now));
            let kept = lease_of(store, shard, control);
            if ended || (kept.is_none() && self.may_be_released(shard, control)) {
                continue;
            }
            let kept = kept.unwrap_or_else(|| panic!("{what}: lease ({shard}, {control}) is lost"));
            assert_eq!(kept.id(), promised.id(), "{what}");
            assert!(kept.seq() >= promised.seq() && kept.expires() >= promised.expires(), "{what}");
            if !self.may_differ(shard, control) {
                assert_eq!(kept, *promised, "{what}");
            }
            assert!(is_whole(store, shard), "{what}: shard {shard} is lost");
        }
        for &(shard, control) in self.released.keys() {
            let kept = lease_of(store, shard, control);
            assert!(
                kept.is_none() || self.may_differ(shard, control),
                "{what}: ({shard}, {control}) is back"
            );
        }
        for (&(owner, slot), promised) in &self.pointers {
            let kept = store.pointers(&secret(owner).public()).unwrap();
            let kept: Vec<Signed<Pointer>> =
                kept.iter().map(|bytes| Signed::decode(bytes, &NETWORK).unwrap()).collect();
            let kept = kept.iter().find(|kept| kept.body().slot == Slot::new(slot));
            let kept = kept.unwrap_or_else(|| panic!("{what}: pointer ({owner}, {slot}) is lost"));
            assert!(kept.body().seq >= promised.body().seq, "{what}");
        }
    }
}

/// The power goes at each step of the history in turn; the disk is then looked at for each seed.
fn cut_everywhere(history: &[Step], seeds: u64) {
    cut_everywhere_on(SimulatedDisk::new, history, seeds);
}

fn cut_everywhere_on(disk: impl Fn() -> SimulatedDisk, history: &[Step], seeds: u64) {
    let whole = disk();
    Acknowledged::default().live(&whole, history);
    let steps = whole.steps();
    for cut in 0..=steps {
        let disk = disk();
        disk.cut_in(cut);
        let mut promised = Acknowledged::default();
        promised.live(&disk, history);
        for seed in 0..seeds {
            examine(
                &promised,
                &disk.after_power_cut(seed * 1009 + cut),
                &format!("cut {cut} of {steps}, seed {seed}"),
            );
        }
    }
}

fn examine(promised: &Acknowledged, disk: &SimulatedDisk, what: &str) {
    let (store, _) = open(disk, promised.now);
    promised.check(&store, what);
    // It goes on working, and what it writes now survives the loss of the index as well.
    let job = put(&store, 3, 90, promised.now.max(START), 30, 250).unwrap();
    leased(commit_one(&store, job));
    let job = put(&store, 6, 90, promised.now.max(START), 30, 251).unwrap();
    leased(commit_one(&store, job));
    drop(store);
    let disk = disk.after_power_cut(7);
    let (store, _) = open(&disk, promised.now);
    promised.check(&store, &format!("{what}, second start"));
    drop(store);
    disk.lose(FileName::Index);
    let (store, replayed) = open(&disk, promised.now);
    assert!(replayed.is_rebuilt);
    promised.check(&store, &format!("{what}, without the index"));
    assert!(is_whole(&store, 3) && is_whole(&store, 6), "{what}");
    assert!(lease_of(&store, 3, 90).is_some() && lease_of(&store, 6, 90).is_some(), "{what}");
}

fn put_op(shard: u8, control: u8, days: u64) -> Op {
    Op::Put { shard, control, days }
}

#[test]
fn puts_of_every_kind() {
    let history = [
        Step::Group(vec![put_op(0, 1, 30)]),
        Step::Group(vec![put_op(5, 1, 30)]),
        Step::Group(vec![put_op(2, 1, 30), put_op(6, 1, 30), put_op(6, 2, 30), put_op(4, 1, 30)]),
        Step::Group(vec![put_op(2, 2, 30), put_op(5, 1, 60), put_op(0, 1, 60)]),
    ];
    cut_everywhere(&history, 3);
}

#[test]
fn renewals_releases_and_pointers() {
    let history = [
        Step::Group(vec![put_op(1, 1, 30), put_op(7, 1, 30), put_op(1, 2, 30), put_op(7, 2, 30)]),
        Step::Group(vec![
            Op::Renew { shard: 1, control: 1, days: 60 },
            Op::Renew { shard: 7, control: 1, days: 60 },
            Op::Pointer { owner: 50, slot: 1 },
        ]),
        Step::Group(vec![Op::Release { shard: 1, control: 2 }, Op::Release { shard: 7, control: 2 }]),
        Step::Group(vec![Op::Pointer { owner: 50, slot: 1 }, Op::Pointer { owner: 50, slot: 2 }]),
        Step::Group(vec![Op::Release { shard: 1, control: 1 }, Op::Release { shard: 7, control: 1 }]),
        Step::Group(vec![put_op(1, 1, 20), put_op(7, 1, 20)]),
    ];
    cut_everywhere(&history, 3);
}

#[test]
fn collection_and_compaction() {
    let history = [
        Step::Group(vec![put_op(3, 1, 10), put_op(4, 1, 100), put_op(7, 1, 10), put_op(6, 1, 100)]),
        Step::Group(vec![put_op(2, 1, 10), put_op(1, 1, 100), put_op(0, 2, 100)]),
        Step::Group(vec![put_op(3, 2, 12), Op::Pointer { owner: 50, slot: 1 }, put_op(12, 1, 10)]),
        Step::Group(vec![put_op(11, 1, 10), put_op(19, 1, 200), put_op(27, 1, 10)]),
        Step::Group(vec![Op::Release { shard: 0, control: 2 }, Op::Release { shard: 11, control: 1 }]),
        Step::Group(vec![Op::Release { shard: 4, control: 1 }]),
        Step::Pass { days: 18 },
        Step::Collect,
        Step::Compact,
        Step::Restart,
        Step::Group(vec![put_op(20, 1, 30), Op::Renew { shard: 1, control: 1, days: 300 }]),
        Step::Group(vec![put_op(28, 1, 30), put_op(36, 1, 30)]),
        Step::Group(vec![Op::Release { shard: 20, control: 1 }, Op::Release { shard: 28, control: 1 }]),
        Step::Compact,
        Step::Compact,
    ];
    cut_everywhere(&history, 2);
}

/// The file of a large shard is written anew, twice, among other changes of its leases.
#[test]
fn trailers_that_grow_long() {
    let renew = |days| Step::Group(vec![Op::Renew { shard: 7, control: 1, days }]);
    let mut history = vec![Step::Group(vec![put_op(7, 1, 10), put_op(7, 2, 300)])];
    history.extend((11..18).map(renew));
    history.push(Step::Group(vec![Op::Release { shard: 7, control: 2 }, put_op(7, 3, 30)]));
    history.push(Step::Restart);
    history.extend((18..24).map(renew));
    cut_everywhere(&history, 2);
}

fn on_a_disk_that_lies_about(lies: fn(Folder) -> bool) {
    let disk = || {
        let disk = SimulatedDisk::new();
        disk.lie_about(lies);
        disk
    };
    cut_everywhere_on(disk, &[Step::Group(vec![put_op(2, 1, 30), put_op(5, 1, 30)]), Step::Restart], 8);
}

/// These tests can fail: every single sync is needed.
#[test]
#[should_panic(expected = "is lost")]
fn packs_must_be_synced() {
    on_a_disk_that_lies_about(|folder| folder == Folder::Packs);
}

#[test]
#[should_panic(expected = "is lost")]
fn uploads_must_be_synced() {
    on_a_disk_that_lies_about(|folder| folder == Folder::Tmp);
}

#[test]
#[should_panic(expected = "is lost")]
fn folders_of_shards_must_be_synced() {
    on_a_disk_that_lies_about(|folder| matches!(folder, Folder::Shards(_)));
}
