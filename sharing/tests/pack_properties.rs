//! Packs against a map: what is put is found, whatever is added and removed, and nothing else is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proofs::Cid;
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
use protocol::UnixSeconds;
use sharing::{Catalogue, IndexPath, PackKey, PackRef, PackWriter, RecordLink, Search, SearchStep};

fn path(number: u16) -> IndexPath {
    // Long ones, so that few of them fill a block.
    IndexPath::new(format!("{}/{number}", "x".repeat(200))).unwrap()
}

/// Packs as objects: their bytes stand in for the network.
#[derive(Default)]
struct Folder {
    packs: Vec<PackRef>,
    objects: Vec<Vec<u8>>,
}

impl Folder {
    /// A pack of these records, as it is put.
    fn add(&mut self, number: u8, records: &[(u16, Vec<u8>)]) {
        let mut writer = PackWriter::new(PackKey::from_bytes([number; 32]));
        let mut bytes = Vec::new();
        for (name, record) in records {
            let mut record = record.clone();
            if writer.push(path(*name), &mut record).is_ok() {
                bytes.extend_from_slice(&record);
            }
        }
        let Some(ending) = writer.finish() else { return };
        bytes.extend_from_slice(&ending.bytes);
        let pack = PackRef::new(ending.summary, Cid::of(&bytes), UnixSeconds::new(1));
        assert_eq!(pack.len(), bytes.len() as u64);
        self.packs.push(pack);
        self.objects.push(bytes);
    }

    /// What a search finds, with how many reads of the index.
    fn find(&self, catalogue: &Catalogue, name: &IndexPath) -> Option<(Vec<u8>, RecordLink)> {
        let mut search = Search::new(catalogue, name);
        let read = |pack: usize, range: std::ops::Range<u64>| {
            &self.objects[pack][usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
        };
        loop {
            match search.step() {
                SearchStep::Read { pack, range } => search.take(read(pack, range)).unwrap(),
                SearchStep::Found { pack, record } => {
                    return Some((record.open(read(pack, record.place().range())).unwrap(), record));
                }
                SearchStep::Absent => return None,
            }
        }
    }
}

fn records() -> impl Strategy<Value = Vec<Vec<(u16, Vec<u8>)>>> {
    let record = (0..400_u16, prop::collection::vec(any::<u8>(), 0..40));
    prop::collection::vec(prop::collection::vec(record, 0..150), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_record_is_found_and_no_other(packs in records()) {
        let mut folder = Folder::default();
        let mut naive: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
        for (number, records) in (0..).zip(&packs) {
            folder.add(number, records);
            // Of two in one pack the first one was taken.
            let mut first = BTreeMap::new();
            for (name, record) in records {
                first.entry(*name).or_insert_with(|| record.clone());
            }
            naive.extend(first);
        }
        let catalogue = Catalogue::new(folder.packs.clone()).unwrap();
        let catalogue = Catalogue::decode(&catalogue.encode().unwrap()).unwrap();
        for name in (0..410).step_by(7) {
            let found = folder.find(&catalogue, &path(name));
            prop_assert_eq!(found.as_ref().map(|(record, _)| record), naive.get(&name));
            if let Some((record, link)) = found {
                let link: RecordLink = link.to_string().parse().unwrap();
                let pack = folder.packs.iter().position(|pack| pack.link() == *link.pack()).unwrap();
                let range = link.place().range();
                let sealed = &folder.objects[pack][usize::try_from(range.start).unwrap()..][..record.len() + 16];
                prop_assert_eq!(link.open(sealed).unwrap(), record);
            }
        }
    }

    /// The key of one record opens no other record of its pack.
    #[test]
    fn a_record_link_opens_one_record(records in prop::collection::vec(any::<[u8; 8]>(), 2..50)) {
        let mut folder = Folder::default();
        let records: Vec<_> = (0..).zip(records).map(|(name, record)| (name, record.to_vec())).collect();
        folder.add(1, &records);
        let catalogue = Catalogue::new(folder.packs.clone()).unwrap();
        let (_, link) = folder.find(&catalogue, &path(0)).unwrap();
        for other in 1..records.len() {
            prop_assert!(link.open(&folder.objects[0][other * 24..][..24]).is_err());
        }
    }
}

#[test]
fn a_pack_ends_before_it_is_too_long() {
    let mut writer = PackWriter::new(PackKey::from_bytes([1; 32]));
    let mut sealed = 0;
    let mut count = 0_u16;
    while writer.check_room(&path(count), 1 << 20).is_ok() {
        let mut record = vec![0; 1 << 20];
        writer.push(path(count), &mut record).unwrap();
        sealed += record.len() as u64;
        count += 1;
    }
    assert_eq!(count, 63, "64 of them and their tags are more than 64 MiB");
    assert!(sealed <= sharing::PACK_RECORDS_LEN_MAX);
    let ending = writer.finish().unwrap();
    let pack = PackRef::new(ending.summary, Cid::of(b"pack"), UnixSeconds::new(1));
    assert_eq!((pack.count(), pack.bytes()), (63, 63 << 20));
}

#[test]
fn what_is_too_long_for_any_pack_or_comes_twice_is_refused() {
    let mut writer = PackWriter::new(PackKey::from_bytes([1; 32]));
    let mut record = vec![0; sharing::RECORD_BYTES_MAX + 1];
    assert!(writer.push(path(1), &mut record).is_err());
    assert!(writer.is_empty() && writer.finish().is_none());
    let mut writer = PackWriter::new(PackKey::from_bytes([1; 32]));
    writer.push(path(1), &mut vec![1]).unwrap();
    assert!(writer.push(path(1), &mut vec![1]).is_err());
}
