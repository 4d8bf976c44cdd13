//! Every decoder against damaged input, as [`fuzzing::fuzz`] describes: whatever comes, there is an answer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use data_encoding::HEXLOWER;
use fuzzing::fuzz;
use serde_json::Value;
use sharing::{Bundle, LiveId, LiveStream, Prelude, PublicationId, PublishingIndex, SharingRecord, Taken};

/// What the golden vectors hold under `key`, accepted or not; only short ones, which leave time for more cases.
fn corpus(file: &str, key: &str, accepted: bool) -> Vec<Vec<u8>> {
    let path = format!("{}/../docs/vectors/sharing/{file}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter();
    let vectors = vectors.filter(|vector| !accepted || vector["error"].is_null());
    let bytes = vectors.map(|vector| HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap());
    bytes.filter(|bytes| (1..8192).contains(&bytes.len())).collect()
}

/// Whatever is accepted is written the same way again, and all that is asked of it has an answer.
#[test]
fn bundles() {
    let corpus = corpus("bundles.json", "bundle", false);
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(bundle) = Bundle::decode(&bytes) {
            assert_eq!(bundle.encode(), bytes);
            assert_eq!(bundle.id(), PublicationId::of(&bytes));
            for track in bundle.tracks() {
                let lens = (0..).map_while(|part| track.part_len(part));
                assert_eq!(lens.sum::<u64>(), track.len());
                assert!(track.bit_rates().average <= track.bit_rates().peak);
                assert!(track.segment(track.segment_count() - 1).is_some());
            }
        }
    });
}

/// No change of a signed record goes unnoticed, nor does a record made of parts of two.
#[test]
fn records() {
    let corpus = corpus("records.json", "record", true);
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        let is_known = corpus.contains(&bytes);
        assert_eq!(SharingRecord::decode(&bytes).is_ok(), is_known, "{}", HEXLOWER.encode(&bytes));
    });
}

#[test]
fn indices() {
    let corpus = corpus("index.json", "index", false);
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(index) = PublishingIndex::decode(&bytes) {
            assert_eq!(index.encode().unwrap(), bytes);
            assert_eq!(index.clone().merge(index.clone()), index);
        }
    });
}

#[test]
fn preludes() {
    let corpus = corpus("preludes.json", "prelude", false);
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(prelude) = Prelude::decode(&bytes) {
            assert_eq!(prelude.encode(), bytes);
            assert_eq!(prelude.id(), LiveId::of(&bytes));
            assert!(prelude.tracks().iter().all(|track| track.init_section().len().get() > 0));
        }
    });
}

/// Whatever is said in whatever order: what a stream has taken it keeps, and it becomes a bundle that is one.
#[test]
fn live_streams() {
    let preludes = corpus("preludes.json", "prelude", true);
    let records: Vec<_> = corpus("records.json", "record", true)
        .iter()
        .filter_map(|bytes| match SharingRecord::decode(bytes) {
            Ok(SharingRecord::LiveSegment(record)) => Some(record.into_body()),
            _ => None,
        })
        .collect();
    fuzz(|random| {
        let prelude = &preludes[random.index(preludes.len())];
        let mut stream = LiveStream::new(Prelude::decode(prelude).unwrap());
        let tracks = stream.prelude().tracks().to_vec();
        let mut taken = 0;
        for _ in 0..20 {
            let mut record = records[random.index(records.len())].clone();
            record.live = stream.prelude().id();
            record.track = tracks[random.index(tracks.len())].id.clone();
            record.n = u32::try_from(random.index(4)).unwrap().try_into().unwrap();
            if let Ok(outcome) = stream.push(&record) {
                taken += usize::from(outcome == Taken::New);
                assert_eq!(stream.check(&record), Ok(Taken::Known));
            }
        }
        let there = (0..tracks.len()).map(|track| stream.segments(track).len());
        assert_eq!(there.sum::<usize>(), taken);
        match stream.bundle() {
            Ok(bundle) => assert_eq!(Bundle::decode(&bundle.encode()).unwrap(), bundle),
            Err(_) => assert_eq!(taken, 0),
        }
    });
}
