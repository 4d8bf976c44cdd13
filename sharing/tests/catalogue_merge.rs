//! Two devices that change one folder of records without knowing of each other, against sets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;

use proofs::Cid;
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
use protocol::UnixSeconds;
use sharing::{CATALOGUE_GONE_MAX, Catalogue, IndexPath, MergeError, PackKey, PackRef, PackWriter};

fn pack(name: &str) -> PackRef {
    let mut writer = PackWriter::new(PackKey::from_bytes([1; 32]));
    writer.push(IndexPath::new("record").unwrap(), &mut vec![1]).unwrap();
    PackRef::new(writer.finish().unwrap().summary, Cid::of(name.as_bytes()), UnixSeconds::new(1))
}

fn objects(catalogue: &Catalogue) -> HashSet<Cid> {
    catalogue.packs().iter().map(PackRef::object).collect()
}

/// What a device does: adds a pack, or takes one out, with another in its place or none.
#[derive(Debug, Clone)]
enum Step {
    Add,
    Take { number: usize, is_written_anew: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<bool>(), 0..8_usize, any::<bool>()).prop_map(|(adds, number, is_written_anew)| {
        if adds { Step::Add } else { Step::Take { number, is_written_anew } }
    });
    prop::collection::vec(step, 0..6)
}

/// A device with its catalogue and what it has taken out of the common one, and for what.
struct Device {
    catalogue: Catalogue,
    taken: Vec<(Cid, Option<Cid>)>,
}

impl Device {
    fn new(base: &Catalogue, name: &str, steps: &[Step]) -> Self {
        let mut device = Self { catalogue: base.clone(), taken: Vec::new() };
        for (number, step) in steps.iter().enumerate() {
            device.take(step, pack(&format!("{name} {number}")));
        }
        device
    }

    fn take(&mut self, step: &Step, new: PackRef) {
        let mut packs = self.catalogue.packs().to_vec();
        match step {
            Step::Add => packs.push(new),
            Step::Take { .. } if packs.is_empty() => return,
            Step::Take { number, is_written_anew } => {
                let at = number % packs.len();
                let by = is_written_anew.then(|| new.object());
                self.taken.push((packs[at].object(), by));
                packs.splice(at..=at, is_written_anew.then_some(new));
            }
        }
        let after = self.catalogue.after(packs).unwrap();
        self.catalogue = Catalogue::decode(&after.encode().unwrap()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn all_that_was_added_is_there_and_all_that_was_removed_is_gone(count in 0..5_usize, one in steps(), two in steps()) {
        let base = Catalogue::new((0..count).map(|number| pack(&format!("base {number}"))).collect()).unwrap();
        let (one, two) = (Device::new(&base, "one", &one), Device::new(&base, "two", &two));
        let taken = |device: &Device| device.taken.iter().map(|(object, _)| *object).collect::<HashSet<_>>();
        let of = |device: &Device, object| device.taken.iter().find(|(taken, _)| *taken == object).map(|(_, by)| *by);
        let both = taken(&one).intersection(&taken(&two)).copied().collect::<Vec<_>>();
        let differs = both.iter().any(|object| of(&one, *object) != of(&two, *object));
        let merged = one.catalogue.merge(&two.catalogue);
        if differs {
            let is_refused = matches!(merged, Err(MergeError::BothWritten { pack }) if both.contains(&pack));
            prop_assert!(is_refused);
            return Ok(());
        }
        let merged = merged.unwrap();
        let all: HashSet<_> = objects(&one.catalogue).union(&objects(&two.catalogue)).copied().collect();
        let gone: HashSet<_> = taken(&one).union(&taken(&two)).copied().collect();
        prop_assert_eq!(objects(&merged), all.difference(&gone).copied().collect::<HashSet<_>>());
        prop_assert_eq!(merged.packs().len(), objects(&merged).len());
        prop_assert_eq!(&Catalogue::decode(&merged.encode().unwrap()).unwrap(), &merged);
        // Whichever device does it, and however often, it is the same.
        let other_way = two.catalogue.merge(&one.catalogue).unwrap();
        prop_assert_eq!(objects(&other_way), objects(&merged));
        for again in [&one.catalogue, &two.catalogue, &other_way] {
            prop_assert_eq!(objects(&merged.merge(again).unwrap()), objects(&merged));
        }
    }
}

/// A catalogue of these packs after so many others have gone, one after the other.
fn after_many(count: usize, packs: &[PackRef]) -> Catalogue {
    let mut catalogue = Catalogue::new(vec![pack("many 0")]).unwrap();
    for number in 1..count {
        catalogue = catalogue.after(vec![pack(&format!("many {number}"))]).unwrap();
    }
    catalogue.after(packs.to_vec()).unwrap()
}

/// Near the limit of what is remembered either both come together as sets say, or not at all.
#[test]
fn whatever_the_numbers_nothing_that_was_removed_comes_back() {
    let base: Vec<_> = (0..3).map(|number| pack(&format!("base {number}"))).collect();
    let (mut together, mut apart) = (0, 0);
    for before in CATALOGUE_GONE_MAX - 3..=CATALOGUE_GONE_MAX + 2 {
        let common = after_many(before, &base);
        for removed in 0..4 {
            let take = |number| Step::Take { number, is_written_anew: number % 2 == 1 };
            let one = Device::new(&common, "one", &(0..removed).map(take).collect::<Vec<_>>());
            let two = Device::new(&common, "two", &[Step::Add]);
            let gone: HashSet<_> = one.taken.iter().map(|(object, _)| *object).collect();
            for (mine, other) in [(&one, &two), (&two, &one)] {
                match mine.catalogue.merge(&other.catalogue) {
                    Ok(merged) => {
                        together += 1;
                        let all: HashSet<_> =
                            objects(&one.catalogue).union(&objects(&two.catalogue)).copied().collect();
                        assert_eq!(objects(&merged), all.difference(&gone).copied().collect());
                    }
                    Err(error) => {
                        apart += 1;
                        assert_eq!(error, MergeError::OtherPast);
                        assert_ne!(one.catalogue.forgotten(), two.catalogue.forgotten());
                    }
                }
            }
        }
    }
    assert!(together > apart && apart > 0, "{together} come together, {apart} do not");
}

#[test]
fn a_pack_that_was_removed_and_forgotten_is_not_taken_from_a_device_that_was_away() {
    let (kept, removed) = (pack("kept"), pack("removed"));
    let common = Catalogue::new(vec![removed.clone(), kept.clone()]).unwrap();
    let away = common.after(vec![removed.clone(), kept.clone(), pack("added")]).unwrap();
    let mut here = common.after(vec![kept.clone()]).unwrap();
    for number in 0..CATALOGUE_GONE_MAX + 2 {
        here = here.after(vec![kept.clone(), pack(&number.to_string())]).unwrap();
    }
    assert!(here.gone().iter().all(|pack| pack.object != removed.object()), "it is forgotten");
    for (one, two) in [(&here, &away), (&away, &here)] {
        assert_eq!(one.merge(two), Err(MergeError::OtherPast));
        assert!(one.is_kin(two));
    }
}

#[test]
fn what_is_forgotten_leaves_a_hash_and_what_comes_back_is_not_gone() {
    let full = after_many(CATALOGUE_GONE_MAX, &[pack("last")]);
    assert_eq!((full.gone().len(), full.forgotten()), (CATALOGUE_GONE_MAX, None));
    let back = pack("many 7");
    let catalogue = full.after(vec![pack("last"), back.clone()]).unwrap();
    assert!(catalogue.gone().iter().all(|pack| pack.object != back.object()));
    let over = full.after(vec![pack("next")]).unwrap();
    assert!(over.gone().is_empty() && over.forgotten().is_some());
    assert_eq!(Catalogue::decode(&over.encode().unwrap()).unwrap(), over);
    // Who forgets the same has the same past.
    assert_eq!(full.after(vec![pack("next")]).unwrap().merge(&over).unwrap(), over);
}

#[test]
fn what_is_written_anew_stays_behind_what_came_before_it_and_before_what_came_after() {
    let (old, next) = (pack("old"), pack("next"));
    let common = Catalogue::new(vec![old, next.clone()]).unwrap();
    let [anew, more, added, own] = ["anew", "more of it", "added", "own"].map(pack);
    let theirs = common.after(vec![pack("once"), next.clone()]).unwrap();
    let theirs = theirs.after(vec![anew.clone(), more.clone(), next.clone(), added.clone()]).unwrap();
    let mine = common.after(vec![common.packs()[0].clone(), next.clone(), own.clone()]).unwrap();
    let merged = mine.merge(&theirs).unwrap();
    assert_eq!(merged.packs(), [anew, more, next, own, added]);
}
