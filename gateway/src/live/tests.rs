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

use super::limits::{KEPT_FOR_S, SILENCE_MAX_S, STREAMS_OF_CREATOR_MAX};
use super::store::Loaded;
use super::streams::Live;
use crate::gateway::now;
use crate::problem::Problem;

const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);

/// Nothing is held for money here.
async fn released(_: Vec<LiveId>) -> Result<(), Problem> {
    Ok(())
}

fn sign<T: Record>(body: T) -> Signed<T> {
    Signed::sign(&SecretKey::from_bytes(&[3; 32]), &NETWORK, body)
}

fn announced() -> AnnouncedPrelude {
    announced_with(0)
}

/// The salt makes it another stream.
fn announced_with(salt: u8) -> AnnouncedPrelude {
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
        salt: [salt; 16],
        target: 2,
        longest: 4,
        tracks: vec![track],
        about: None,
        by: None,
        language: None,
        ledger: None,
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
    live.sweep_at(begun.plus(SILENCE_MAX_S - 5), released).await.unwrap();
    assert_eq!(live.running().len(), 1);
    let silent = begun.plus(SILENCE_MAX_S + 5);
    live.sweep_at(silent, released).await.unwrap();
    assert!(live.running().is_empty());
    assert!(live.segment(segment(id, 3)).await.is_err(), "it has ended");
    drop(live);

    let live = Live::open(Some(&catalogue), NETWORK).unwrap();
    assert!(live.running().is_empty(), "it stays ended");
    let stream = live.get(id).await.unwrap();
    assert_eq!(stream.state().live.state(), LiveState::Silent);
    assert_eq!(stream.state().live.segments(0).len(), 3);
    live.sweep_at(silent.plus(KEPT_FOR_S), released).await.unwrap();
    assert!(live.get(id).await.is_ok(), "it is kept for that long");
    live.sweep_at(silent.plus(KEPT_FOR_S + 1), released).await.unwrap();
    assert!(live.get(id).await.is_err());
    let record = live.blocking(move |store| store.segment_record(id, 0, 0)).await.unwrap();
    assert_eq!(record, None);
}

#[tokio::test]
async fn a_creator_has_room_again_when_ended_streams_are_removed() {
    let live = Live::open(None, NETWORK).unwrap();
    let begin = |salt| {
        let stream = announced_with(salt);
        live.blocking(move |store| store.begin(&stream, now()))
    };
    let most = u8::try_from(STREAMS_OF_CREATOR_MAX).unwrap();
    for salt in 0..most {
        assert!(begin(salt).await.unwrap());
    }
    assert!(!begin(most).await.unwrap());
    let (id, ended) = (announced_with(3).prelude().id(), now());
    live.blocking(move |store| store.end(id, None, ended)).await.unwrap();
    assert!(!begin(most).await.unwrap(), "it is kept for a while");
    live.sweep_at(ended.plus(KEPT_FOR_S + 1), released).await.unwrap();
    assert!(begin(most).await.unwrap());
    assert!(!begin(most + 1).await.unwrap());
}

#[tokio::test]
async fn those_who_load_an_ended_stream_at_the_same_time_share_it_and_a_withdrawal_reaches_them() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = folder.path().join("catalogue.redb");
    let (live, id) = begun(Some(&catalogue)).await;
    live.blocking(move |store| store.end(id, None, now())).await.unwrap();
    drop(live);
    let live = Live::open(Some(&catalogue), NETWORK).unwrap();
    let (one, other) = tokio::join!(live.get(id), live.get(id));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(std::sync::Arc::ptr_eq(&one, &other));
    let bundle = sharing::PublicationId::from_cid(id.cid());
    live.withdraw(sign(sharing::Withdrawal { bundle, issued: now() })).await.unwrap();
    assert!(one.state().is_withdrawn && live.get(id).await.unwrap().state().is_withdrawn);
}

#[tokio::test]
async fn a_withdrawn_stream_does_not_come_back_as_a_publication() {
    let (live, id) = begun(None).await;
    let finished = {
        let stream = live.get(id).await.unwrap();
        let bundle = stream.state().live.bundle();
        bundle.unwrap()
    };
    assert!(live.admits(&finished).await.is_ok(), "as long as it is not withdrawn");
    let bundle = sharing::PublicationId::from_cid(id.cid());
    live.withdraw(sign(sharing::Withdrawal { bundle, issued: now() })).await.unwrap();
    assert!(live.admits(&finished).await.is_err());
}
