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

#[test]
fn the_oldest_that_are_gone_are_forgotten_and_what_comes_back_is_not_gone() {
    let mut catalogue = Catalogue::new(vec![pack("0")]).unwrap();
    for number in 1..=CATALOGUE_GONE_MAX + 5 {
        catalogue = catalogue.after(vec![pack(&number.to_string())]).unwrap();
    }
    assert_eq!(catalogue.gone().len(), CATALOGUE_GONE_MAX);
    assert_eq!(catalogue.gone()[0].object, pack("5").object());
    let back = pack("7");
    let catalogue = catalogue.after(vec![back.clone()]).unwrap();
    assert!(catalogue.gone().iter().all(|pack| pack.object != back.object()));
    assert!(Catalogue::decode(&catalogue.encode().unwrap()).is_ok());
}
