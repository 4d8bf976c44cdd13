//! What a gateway keeps of live streams, without a network: over a restart, in silence, and long after the end.

use std::num::NonZeroU32;
use std::path::Path;

use chunker::ContentKey;
use proofs::Cid;
use protocol::{NetworkId, Record, SecretKey, Signed, UnixSeconds};
use sharing::{
    AnnouncedPrelude, BundleKind, Channels, Codecs, ContentHash, LiveId, LiveSegment, LiveState, LiveStream,
    LiveTrack, Prelude, PreludeParts, Title, TrackId, TrackKind,
};

use super::limits::{KEPT_FOR_S, SILENCE_MAX_S};
use super::store::Loaded;
use super::streams::Live;
use crate::gateway::now;

const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);

fn sign<T: Record>(body: T) -> Signed<T> {
    Signed::sign(&SecretKey::from_bytes(&[3; 32]), &NETWORK, body)
}

fn announced() -> AnnouncedPrelude {
    let track = LiveTrack {
        id: TrackId::new("audio").unwrap(),
        kind: TrackKind::Audio(Channels::new(2).unwrap()),
        codecs: Codecs::new("mp4a.40.2").unwrap(),
        timescale: NonZeroU32::new(1000).unwrap(),
        init: b"init"[..].into(),
        default: true,
        language: None,
        label: None,
    };
    let prelude = Prelude::new(PreludeParts {
        kind: BundleKind::Audio,
        title: Title::new("Now").unwrap(),
        creator: SecretKey::from_bytes(&[3; 32]).public(),
        created: UnixSeconds::new(1),
        salt: [0; 16],
        target: 2,
        longest: 4,
        tracks: vec![track],
        about: None,
        by: None,
        language: None,
    });
    let prelude = prelude.unwrap();
    let (key, object) = (ContentKey::from_bytes([1; 32]), Cid::of(b"prelude"));
    let body = sharing::Live { issued: UnixSeconds::new(1), key, listed: true, live: prelude.id(), object };
    AnnouncedPrelude::new(sign(body), &prelude.encode()).unwrap()
}

fn segment(live: LiveId, n: u32) -> Signed<LiveSegment> {
    sign(LiveSegment {
        duration: NonZeroU32::new(2000).unwrap(),
        hash: ContentHash::of(&n.to_le_bytes()),
        key: ContentKey::from_bytes([2; 32]),
        len: 4.try_into().unwrap(),
        live,
        n: n.try_into().unwrap(),
        object: Cid::of(&n.to_le_bytes()),
        track: TrackId::new("audio").unwrap(),
    })
}

/// A stream of three segments, kept in `catalogue`.
async fn begun(catalogue: Option<&Path>) -> (Live, LiveId) {
    let live = Live::open(catalogue, NETWORK).unwrap();
    let announced = announced();
    let (id, kept, heard) = (announced.prelude().id(), announced.clone(), now());
    assert!(live.blocking(move |store| store.begin(&kept, heard)).await.unwrap());
    let stream = LiveStream::new(announced.prelude().clone());
    live.begin(Loaded { announced, live: stream, end: None, is_withdrawn: false, heard });
    for n in 0..3 {
        assert!(live.segment(segment(id, n)).await.unwrap());
        assert!(!live.segment(segment(id, n)).await.unwrap(), "it is known");
    }
    (live, id)
}

#[tokio::test]
async fn a_stream_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = folder.path().join("catalogue.redb");
    let (live, id) = begun(Some(&catalogue)).await;
    drop(live);
    let live = Live::open(Some(&catalogue), NETWORK).unwrap();
    assert_eq!(live.running().len(), 1);
    assert!(!live.segment(segment(id, 2)).await.unwrap(), "it is known still");
    assert!(live.segment(segment(id, 4)).await.is_err(), "one is missing");
    assert!(live.segment(segment(id, 3)).await.unwrap());
    let record = live.blocking(move |store| store.segment_record(id, 0, 1)).await.unwrap();
    assert_eq!(record.unwrap(), segment(id, 1).encode());
}

#[tokio::test]
async fn silence_ends_a_stream_and_time_removes_it() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = folder.path().join("catalogue.redb");
    let (live, id) = begun(Some(&catalogue)).await;
    let begun = now();
    live.sweep_at(begun.plus(SILENCE_MAX_S - 5)).await.unwrap();
    assert_eq!(live.running().len(), 1);
    let silent = begun.plus(SILENCE_MAX_S + 5);
    live.sweep_at(silent).await.unwrap();
    assert!(live.running().is_empty());
    assert!(live.segment(segment(id, 3)).await.is_err(), "it has ended");
    drop(live);

    let live = Live::open(Some(&catalogue), NETWORK).unwrap();
    assert!(live.running().is_empty(), "it stays ended");
    let stream = live.get(id).await.unwrap();
    assert_eq!(stream.state().live.state(), LiveState::Silent);
    assert_eq!(stream.state().live.segments(0).len(), 3);
    live.sweep_at(silent.plus(KEPT_FOR_S)).await.unwrap();
    assert!(live.get(id).await.is_ok(), "it is kept for that long");
    live.sweep_at(silent.plus(KEPT_FOR_S + 1)).await.unwrap();
    assert!(live.get(id).await.is_err());
    let record = live.blocking(move |store| store.segment_record(id, 0, 0)).await.unwrap();
    assert_eq!(record, None);
}
