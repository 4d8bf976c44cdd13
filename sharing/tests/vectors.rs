//! Runs every golden vector in `docs/vectors/sharing`. `make.py` there makes them from the specification alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chunker::AccountSecret;
use data_encoding::HEXLOWER;
use protocol::{NetworkId, Record, RecordError, SecretKey, Signed};
use serde_json::{Value, json};
use sharing::{
    AnnouncedPrelude, AnnouncedPreludeError, Bundle, BundleError, Denial, IndexError, Live, LiveEnd,
    LiveSegment, Prelude, PreludeError, Publication, PublishedBundle, PublishedBundleError, PublishingIndex,
    SegmentsError, SharingRecord, Track, TrackError, Withdrawal,
};

fn file(name: &str) -> Value {
    let path = format!("{}/../docs/vectors/sharing/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// The vectors in a file that has both accepted and rejected ones, and the network of its records.
fn vectors(name: &str) -> (NetworkId, Vec<Value>) {
    let file = file(name);
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert!(vectors.iter().any(|vector| vector["error"].is_string()), "{name} has rejections");
    assert!(vectors.iter().any(|vector| vector["error"].is_null()), "{name} has accepted vectors");
    (file["network"].as_str().unwrap().parse().unwrap(), vectors)
}

fn bytes(vector: &Value, key: &str) -> Vec<u8> {
    HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap()
}

fn bytes32(vector: &Value, key: &str) -> [u8; 32] {
    bytes(vector, key).try_into().unwrap()
}

/// Compares how a vector ended with how it says it ends.
fn check<T>(vector: &Value, result: Result<T, &'static str>, accepted: impl FnOnce(T)) {
    let (name, expected) = (&vector["name"], vector["error"].as_str());
    match (result, expected) {
        (Ok(value), None) => accepted(value),
        (Ok(_), Some(expected)) => panic!("{name}: accepted, but is {expected}"),
        (Err(error), expected) => assert_eq!(Some(error), expected, "{name}"),
    }
}

#[test]
fn bundles() {
    for vector in &vectors("bundles.json").1 {
        let bytes = bytes(vector, "bundle");
        let result = Bundle::decode(&bytes).map_err(|error| bundle_error(&error));
        check(vector, result, |bundle| {
            let name = &vector["name"];
            assert_eq!(bundle.encode(), bytes, "{name}");
            assert_eq!(bundle.id().to_string(), vector["id"].as_str().unwrap());
            assert_eq!(bundle.title().as_str(), vector["title"].as_str().unwrap());
            assert_eq!(bundle.tracks().len(), vector["tracks"].as_object().unwrap().len(), "{name}");
            for (id, expected) in vector["tracks"].as_object().unwrap() {
                let rates = bundle.track(id).unwrap().bit_rates();
                assert_eq!(places(bundle.track(id).unwrap()), expected["places"], "{name}: {id}");
                assert_eq!(
                    json!([rates.average, rates.peak]),
                    json!([expected["average"], expected["peak"]])
                );
            }
            let again = Bundle::new(bundle.parts().clone()).unwrap();
            assert_eq!(again, bundle, "{name}");
        });
    }
}

fn places(track: &Track) -> Value {
    let rows = track.segments().iter();
    rows.map(|place| json!([place.part(), place.offset(), place.len(), place.start(), place.duration()]))
        .collect()
}

fn bundle_error(error: &BundleError) -> &'static str {
    match error {
        BundleError::Cbor(_) | BundleError::List(_) => "malformed",
        BundleError::TooLong { .. } => "too_long",
        BundleError::Version { .. } => "version",
        BundleError::Track { source, .. } => track_error(source),
        BundleError::SameTrack { .. } => "same_track",
        BundleError::Tracks { .. } => "tracks",
        BundleError::Duration { .. } => "duration",
        BundleError::Ledger { .. } => "ledger",
        BundleError::Live { .. } => "live",
        BundleError::Items { .. } => "items",
        BundleError::Chapter { .. } => "chapter",
        BundleError::SameAttachment { .. } => "same_attachment",
        BundleError::PictureType { .. } => "picture_type",
        BundleError::Strip { .. } => "strip",
    }
}

fn track_error(error: &TrackError) -> &'static str {
    match error {
        TrackError::Segments(error) => segments_error(error),
        TrackError::InitLen { .. } => "track_init_len",
        TrackError::InitKind => "track_init_kind",
        TrackError::InitHash => "track_init_hash",
        TrackError::Kind => "track_kind",
        TrackError::SubtitlesCodec => "track_codec",
        TrackError::SubtitlesSegments { .. } => "track_subtitles",
        TrackError::BitRates { .. } => "track_bit_rates",
    }
}

fn segments_error(error: &SegmentsError) -> &'static str {
    match error {
        SegmentsError::Parts { .. } => "track_parts",
        SegmentsError::Count { .. } => "track_count",
        SegmentsError::Sum { .. } => "track_sum",
        SegmentsError::Len { .. } => "track_len",
        SegmentsError::Duration { .. } => "track_duration",
        SegmentsError::Tables { .. } => "track_tables",
    }
}

#[test]
fn records() {
    let (network, vectors) = vectors("records.json");
    for vector in &vectors {
        match vector["type"].as_str().unwrap() {
            Publication::TYPE => check_record(vector, network, publication),
            Withdrawal::TYPE => check_record(vector, network, withdrawal),
            Denial::TYPE => check_record(vector, network, denial),
            Live::TYPE => check_record(vector, network, live),
            LiveSegment::TYPE => check_record(vector, network, live_segment),
            LiveEnd::TYPE => check_record(vector, network, live_end),
            other => panic!("{other}"),
        }
    }
}

fn publication(body: &Publication) -> Value {
    json!({"bundle": HEXLOWER.encode(&body.bundle.cid().to_bytes()), "issued": body.issued.get(),
        "key": HEXLOWER.encode(body.key.expose()), "listed": body.listed,
        "object": HEXLOWER.encode(&body.object.to_bytes())})
}

fn withdrawal(body: &Withdrawal) -> Value {
    json!({"bundle": HEXLOWER.encode(&body.bundle.cid().to_bytes()), "issued": body.issued.get()})
}

fn denial(body: &Denial) -> Value {
    json!({"issued": body.issued.get(), "reason": body.reason.as_str(),
        "target": HEXLOWER.encode(&body.target.to_bytes())})
}

fn live(body: &Live) -> Value {
    json!({"issued": body.issued.get(), "key": HEXLOWER.encode(body.key.expose()), "listed": body.listed,
        "live": HEXLOWER.encode(&body.live.cid().to_bytes()), "object": HEXLOWER.encode(&body.object.to_bytes())})
}

fn live_segment(body: &LiveSegment) -> Value {
    json!({"duration": body.duration.get(), "hash": HEXLOWER.encode(body.hash.as_bytes()),
        "key": HEXLOWER.encode(body.key.expose()), "len": body.len.get(),
        "live": HEXLOWER.encode(&body.live.cid().to_bytes()), "n": body.n.get(),
        "object": HEXLOWER.encode(&body.object.to_bytes()), "track": body.track.as_str()})
}

fn live_end(body: &LiveEnd) -> Value {
    let mut said = json!({"issued": body.issued.get(), "live": HEXLOWER.encode(&body.live.cid().to_bytes())});
    if let Some(publication) = body.publication {
        said["publication"] = HEXLOWER.encode(&publication.cid().to_bytes()).into();
    }
    said
}

fn check_record<T: Record>(vector: &Value, network: NetworkId, body: fn(&T) -> Value) {
    let bytes = bytes(vector, "record");
    let result = Signed::<T>::decode(&bytes, &network);
    check(vector, result.map_err(|error| record_error(&error)), |record| {
        assert_eq!(record.by().to_string(), vector["by"].as_str().unwrap());
        assert_eq!(body(record.body()), vector["body"], "{}", vector["name"]);
        assert_eq!(record.encode(), bytes);
        let any = SharingRecord::decode(&bytes).unwrap();
        assert_eq!((any.kind(), any.by(), any.network()), (T::TYPE, record.by(), network));
        assert!(any.to_string().ends_with(&record.body().to_string()));
    });
    if vector["error"].is_string() && vector["error"] != "network" && vector["error"] != "type" {
        assert!(SharingRecord::decode(&bytes).is_err(), "{}", vector["name"]);
    }
}

fn record_error(error: &RecordError) -> &'static str {
    match error {
        RecordError::TooLong { .. } => "too_long",
        RecordError::Version { .. } => "version",
        RecordError::Type { .. } => "type",
        RecordError::Network { .. } => "network",
        RecordError::NotARecord { .. } | RecordError::Invalid { .. } => "malformed",
        RecordError::Signature { .. } => "signature",
    }
}

#[test]
fn published_bundles() {
    let (network, vectors) = vectors("published.json");
    for vector in &vectors {
        let record = Signed::decode(&bytes(vector, "record"), &network).unwrap();
        let result = PublishedBundle::new(record, &bytes(vector, "bundle"));
        check(vector, result.map_err(|error| published_error(&error)), |published| {
            assert_eq!(published.record().body().bundle, published.bundle().id());
            assert_eq!(published.record().by(), published.bundle().creator());
        });
    }
}

fn published_error(error: &PublishedBundleError) -> &'static str {
    match error {
        PublishedBundleError::OtherBundle { .. } => "other_bundle",
        PublishedBundleError::Bundle(_) => "bundle",
        PublishedBundleError::OtherCreator { .. } => "other_creator",
    }
}

#[test]
fn preludes() {
    for vector in &vectors("preludes.json").1 {
        let bytes = bytes(vector, "prelude");
        let result = Prelude::decode(&bytes).map_err(|error| prelude_error(&error));
        check(vector, result, |prelude| {
            let name = &vector["name"];
            assert_eq!(prelude.encode(), bytes, "{name}");
            assert_eq!(prelude.id().to_string(), vector["id"].as_str().unwrap());
            assert_eq!(json!([prelude.parts().target, prelude.parts().longest]), vector["seconds"], "{name}");
            let inits = prelude
                .tracks()
                .iter()
                .map(|track| (track.id.to_string(), HEXLOWER.encode(&track.init).into()));
            assert_eq!(Value::Object(inits.collect()), vector["tracks"], "{name}");
            assert_eq!(Prelude::new(prelude.parts().clone()).unwrap(), prelude, "{name}");
        });
    }
}

fn prelude_error(error: &PreludeError) -> &'static str {
    match error {
        PreludeError::Cbor(_) | PreludeError::List(_) => "malformed",
        PreludeError::Version { .. } => "version",
        PreludeError::TooLong { .. } => "too_long",
        PreludeError::Kind => "kind",
        PreludeError::Seconds { .. } => "seconds",
        PreludeError::NoTracks => "no_tracks",
        PreludeError::Track { source, .. } => track_error(source),
        PreludeError::SameTrack { .. } => "same_track",
    }
}

#[test]
fn announced_preludes() {
    let (network, vectors) = vectors("announced.json");
    for vector in &vectors {
        let record = Signed::decode(&bytes(vector, "record"), &network).unwrap();
        let result = AnnouncedPrelude::new(record, &bytes(vector, "prelude"));
        check(vector, result.map_err(|error| announced_error(&error)), |announced| {
            assert_eq!(announced.record().body().live, announced.prelude().id());
            assert_eq!(announced.record().by(), announced.prelude().creator());
        });
    }
}

fn announced_error(error: &AnnouncedPreludeError) -> &'static str {
    match error {
        AnnouncedPreludeError::OtherPrelude { .. } => "other_prelude",
        AnnouncedPreludeError::Prelude(_) => "prelude",
        AnnouncedPreludeError::OtherCreator { .. } => "other_creator",
    }
}

#[test]
fn indices() {
    for vector in &vectors("index.json").1 {
        let bytes = bytes(vector, "index");
        let result = PublishingIndex::decode(&bytes).map_err(|error| index_error(&error));
        check(vector, result, |index| {
            assert_eq!(index.encode().unwrap(), bytes, "{}", vector["name"]);
            assert_eq!(json!(index.len()), vector["entries"], "{}", vector["name"]);
        });
    }
}

fn index_error(error: &IndexError) -> &'static str {
    match error {
        IndexError::Cbor(_) | IndexError::List(_) => "malformed",
        IndexError::Version { .. } => "version",
        IndexError::TooLong { .. } => "too_long",
        IndexError::Order { .. } => "order",
        IndexError::TrackOrder { .. } => "track_order",
        IndexError::Track { .. } => "track",
        IndexError::Both { .. } => "both",
        IndexError::Published => unreachable!("decoding remembers nothing"),
    }
}

#[test]
fn merges() {
    let file = file("index.json");
    let merges = file["merges"].as_array().unwrap();
    assert!(merges.len() > 5);
    for vector in merges {
        let [one, two] = ["one", "two"].map(|key| PublishingIndex::decode(&bytes(vector, key)).unwrap());
        for merged in [one.clone().merge(two.clone()), two.merge(one)] {
            assert_eq!(merged.encode().unwrap(), bytes(vector, "merged"), "{}", vector["name"]);
        }
    }
}

#[test]
fn keys() {
    for vector in file("keys.json")["vectors"].as_array().unwrap() {
        let account = AccountSecret::from_bytes(bytes32(vector, "secret"));
        let seed = account.creator_seed();
        assert_eq!(seed.expose()[..], bytes(vector, "creator_key_seed"));
        let creator = SecretKey::from_bytes(seed.expose()).public();
        assert_eq!(creator.as_bytes()[..], bytes(vector, "creator_key"));
        let index_key = account.index_key();
        assert_eq!(index_key.expose()[..], bytes(vector, "index_key"));
        let mark = index_key.mark(&bytes32(vector, "plaintext_hash"), &bytes(vector, "options"));
        assert_eq!(mark.as_bytes()[..], bytes(vector, "mark"));
    }
}
