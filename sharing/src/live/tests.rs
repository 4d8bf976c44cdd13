//! What a stream takes, in which order, and what becomes of it.

use std::num::NonZeroU32;

use bytes::Bytes;
use chunker::ContentKey;
use proofs::Cid;
use protocol::UnixSeconds;

use super::*;
use crate::samples::{SECRET_BYTE, creator};
use crate::{
    BUNDLE_LEN_MAX, Bundle, BundleKind, Channels, Codecs, ContentHash, LiveEnd, LiveId, LiveSegment,
    PublicationId, SEGMENTS_MAX, Title, TrackId, TrackKind,
};

const INIT: &[u8] = b"ftyp and moov";

fn track(id: &str) -> LiveTrack {
    LiveTrack {
        id: TrackId::new(id).unwrap(),
        kind: TrackKind::Audio(Channels::new(2).unwrap()),
        codecs: Codecs::new("mp4a.40.2").unwrap(),
        timescale: NonZeroU32::new(1000).unwrap(),
        init: Bytes::from_static(INIT),
        default: true,
        language: None,
        label: None,
    }
}

fn parts() -> PreludeParts {
    PreludeParts {
        kind: BundleKind::Audio,
        title: Title::new("A concert").unwrap(),
        creator: creator().public(),
        created: UnixSeconds::new(1),
        salt: [7; 16],
        target: 2,
        longest: 4,
        tracks: vec![track("a"), track("b")],
        about: None,
        by: None,
        language: None,
        ledger: None,
    }
}

fn stream() -> LiveStream {
    LiveStream::new(Prelude::new(parts()).unwrap())
}

fn segment(stream: &LiveStream, track: &str, n: u32) -> LiveSegment {
    LiveSegment {
        duration: NonZeroU32::new(2000).unwrap(),
        hash: ContentHash::of(&n.to_le_bytes()),
        key: ContentKey::from_bytes([SECRET_BYTE; 32]),
        len: 4.try_into().unwrap(),
        live: stream.prelude().id(),
        n: n.try_into().unwrap(),
        object: Cid::of(&n.to_le_bytes()),
        track: TrackId::new(track).unwrap(),
    }
}

fn end(stream: &LiveStream, publication: Option<PublicationId>) -> LiveEnd {
    LiveEnd { issued: UnixSeconds::new(9), live: stream.prelude().id(), publication }
}

#[test]
fn segments_come_in_order_and_stay_what_they_are() {
    let mut stream = stream();
    let first = segment(&stream, "a", 0);
    assert_eq!(stream.push(&first), Ok(Taken::New));
    assert_eq!(stream.push(&first), Ok(Taken::Known));
    let other = LiveSegment { hash: ContentHash::of(b"x"), ..first.clone() };
    assert!(matches!(stream.push(&other), Err(LiveStreamError::Changed { n: 0, .. })));
    let moved = LiveSegment { object: Cid::of(b"x"), ..first.clone() };
    assert!(matches!(stream.push(&moved), Err(LiveStreamError::Changed { n: 0, .. })));
    let third = segment(&stream, "a", 2);
    let expected = LiveStreamError::Gap { track: third.track.clone(), expected: 1, found: 2 };
    assert_eq!(stream.push(&third), Err(expected));
    assert_eq!(stream.push(&segment(&stream, "a", 1)), Ok(Taken::New));
    assert!(!stream.has_begun(), "the other track has nothing yet");
    assert_eq!(stream.push(&segment(&stream, "b", 0)), Ok(Taken::New));
    assert!(stream.has_begun());
    let unknown = segment(&stream, "c", 0);
    assert!(matches!(stream.push(&unknown), Err(LiveStreamError::Track { .. })));
    let elsewhere = LiveSegment { live: LiveId::of(b"x"), ..first };
    assert!(matches!(stream.push(&elsewhere), Err(LiveStreamError::OtherStream { .. })));
}

#[test]
fn no_segment_is_longer_than_announced() {
    let stream = stream();
    let of = |duration: u32| LiveSegment {
        duration: NonZeroU32::new(duration).unwrap(),
        ..segment(&stream, "a", 0)
    };
    assert_eq!(stream.check(&of(4499)), Ok(Taken::New));
    assert!(matches!(stream.check(&of(4500)), Err(LiveStreamError::Duration { longest: 4, .. })));
    assert!(stream.check(&of(u32::MAX)).is_err());
}

#[test]
fn nothing_follows_the_end_but_the_name_of_the_publication() {
    let mut stream = stream();
    let first = segment(&stream, "a", 0);
    stream.push(&first).unwrap();
    let (one, two) = (PublicationId::of(b"one"), PublicationId::of(b"two"));
    assert_eq!(stream.finish(&end(&stream, None)), Ok(Taken::New));
    assert_eq!(stream.push(&segment(&stream, "a", 1)), Err(LiveStreamError::Ended));
    assert_eq!(stream.push(&first), Ok(Taken::Known));
    assert_eq!(stream.finish(&end(&stream, None)), Ok(Taken::Known));
    assert_eq!(stream.finish(&end(&stream, Some(one))), Ok(Taken::New));
    assert_eq!(stream.finish(&end(&stream, Some(one))), Ok(Taken::Known));
    assert_eq!(stream.finish(&end(&stream, None)), Ok(Taken::Known), "it takes nothing back");
    assert_eq!(stream.finish(&end(&stream, Some(two))), Err(LiveStreamError::Ended));
    stream.close();
    assert_eq!(stream.publication(), Some(one));
}

#[test]
fn a_stream_becomes_a_publication_of_the_same_objects() {
    let mut stream = stream();
    assert_eq!(stream.bundle(), Err(UnfinishedError::Empty));
    for n in 0..3 {
        stream.push(&segment(&stream, "a", n)).unwrap();
    }
    let bundle = stream.bundle().unwrap();
    assert_eq!(
        (bundle.tracks().len(), bundle.parts().duration.get()),
        (1, 6000),
        "the empty track is left out"
    );
    let track = bundle.track("a").unwrap();
    let offsets: Vec<_> = track.segments().iter().map(|place| (place.part(), place.offset())).collect();
    assert_eq!(offsets, [(0, INIT.len() as u64), (1, 0), (2, 0)]);
    assert_eq!(track.init().unwrap().hash(), ContentHash::of(INIT));
    assert_eq!(Bundle::decode(&bundle.encode()).unwrap(), bundle);
}

#[test]
fn the_longest_stream_fits_into_a_bundle() {
    let mut stream = stream();
    for (track, count) in [("a", SEGMENTS_MAX), ("b", LIVE_SEGMENTS_MAX - SEGMENTS_MAX)] {
        for n in 0..u32::try_from(count).unwrap() {
            stream.push(&segment(&stream, track, n)).unwrap();
        }
    }
    let next = segment(&stream, "b", u32::try_from(LIVE_SEGMENTS_MAX - SEGMENTS_MAX).unwrap());
    assert_eq!(stream.push(&next), Err(LiveStreamError::Full));
    assert!(stream.bundle().unwrap().encode().len() <= BUNDLE_LEN_MAX);
}

#[test]
fn a_prelude_has_at_most_one_mib() {
    let long = |len: usize| PreludeParts {
        tracks: vec![LiveTrack { init: vec![0; len].into(), ..track("a") }],
        ..parts()
    };
    let fits = Prelude::new(long(PRELUDE_LEN_MAX - 400)).unwrap();
    assert_eq!(Prelude::decode(&fits.encode()).unwrap(), fits);
    assert!(matches!(Prelude::new(long(PRELUDE_LEN_MAX)), Err(PreludeError::TooLong { .. })));
    let decoded = Prelude::decode(&vec![0; PRELUDE_LEN_MAX + 1]).unwrap_err().to_string();
    assert!(decoded.contains("1048577 bytes are more"), "{decoded}");
}

#[test]
fn keys_are_not_printed() {
    let stream = stream();
    let segment = segment(&stream, "a", 0);
    for printed in [format!("{segment:?}"), segment.to_string()] {
        assert!(!printed.contains("231, 231") && !printed.contains("e7e7"), "{printed}");
    }
}

#[test]
fn what_a_stream_becomes_is_shown_under_the_agreement_about_the_stream() {
    let ledger = Some(creator().public());
    let mut paid = LiveStream::new(Prelude::new(PreludeParts { ledger, ..parts() }).unwrap());
    let mut free = stream();
    for stream in [&mut paid, &mut free] {
        let first = segment(stream, "a", 0);
        stream.push(&first).unwrap();
    }
    let (paid_bundle, free_bundle) = (paid.bundle().unwrap(), free.bundle().unwrap());
    assert_eq!((paid_bundle.parts().ledger, paid_bundle.content()), (ledger, paid.prelude().id().cid()));
    assert_eq!((free_bundle.parts().ledger, free_bundle.content()), (None, free_bundle.id().cid()));
}
