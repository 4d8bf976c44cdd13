//! What must hold for all tracks, bundles and indices, against references that walk from the start.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;
use chunker::{ContentKey, FileMark};
use proofs::Cid;
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
use protocol::{SecretKey, UnixSeconds};
use sharing::{
    Bundle, BundleKind, BundleParts, Channels, Chapter, Codecs, ContentHash, InitSection, Millis, Part,
    Picture, Publication, PublicationId, PublishingIndex, SEGMENT_BYTES_MAX, Segment, Title, Track, TrackId,
    TrackKind, TrackParts,
};

fn hash(number: u64) -> ContentHash {
    ContentHash::of(&number.to_le_bytes())
}

fn part(number: u64, segments: u32) -> Part {
    Part {
        key: ContentKey::from_bytes(*hash(number).as_bytes()),
        object: Cid::of(&number.to_le_bytes()),
        segments: NonZeroU32::new(segments).unwrap(),
    }
}

fn picture(width: u16, height: u16) -> TrackKind {
    let [width, height] = [width, height].map(|pixels| NonZeroU16::new(pixels).unwrap());
    TrackKind::Video(Picture { height, rate: NonZeroU32::new(25_000).unwrap(), width })
}

fn kind() -> impl Strategy<Value = TrackKind> {
    let video = (1..=u16::MAX, 1..=u16::MAX).prop_map(|(width, height)| picture(width, height));
    let audio = (1..=64_u8).prop_map(|channels| TrackKind::Audio(Channels::new(channels).unwrap()));
    proptest::prop_oneof![video, audio]
}

/// Lengths and durations of the segments of each part.
fn runs() -> impl Strategy<Value = Vec<Vec<(u32, u32)>>> {
    prop::collection::vec(prop::collection::vec((1..=SEGMENT_BYTES_MAX, 1..=u32::MAX), 1..6), 1..6)
}

fn track_of(id: &str, kind: TrackKind, init_len: u32, timescale: u32, runs: &[Vec<(u32, u32)>]) -> Track {
    let segments = runs.iter().flatten().zip(0..);
    Track::new(TrackParts {
        id: TrackId::new(id).unwrap(),
        kind,
        codecs: Codecs::new("avc1.640028").unwrap(),
        timescale: NonZeroU32::new(timescale).unwrap(),
        parts: (0..).zip(runs).map(|(n, run)| part(n, u32::try_from(run.len()).unwrap())).collect(),
        init: Some(InitSection::new(NonZeroU32::new(init_len).unwrap(), hash(u64::MAX))),
        segments: segments.map(|(&(len, duration), n)| Segment { len, duration, hash: hash(n) }).collect(),
        default: false,
        language: None,
        label: None,
    })
    .unwrap()
}

fn track(id: &'static str) -> impl Strategy<Value = Track> {
    (kind(), 1..=1_u32 << 20, 1..=u32::MAX, runs())
        .prop_map(move |(kind, init_len, timescale, runs)| track_of(id, kind, init_len, timescale, &runs))
}

fn bundle_of(tracks: Vec<Track>, chapters: &[u64]) -> Bundle {
    let chapter = |&at: &u64| Chapter { at: Millis::new(at), title: Title::new("t").unwrap() };
    Bundle::new(BundleParts {
        kind: BundleKind::Film,
        title: Title::new("A film").unwrap(),
        creator: SecretKey::from_bytes(&[1; 32]).public(),
        created: UnixSeconds::new(1),
        duration: Millis::new(1 << 40),
        tracks,
        chapters: chapters.iter().map(chapter).collect(),
        attachments: Vec::new(),
        items: Vec::new(),
        about: None,
        by: None,
        language: None,
        ledger: None,
        live: None,
        poster: None,
        strip: None,
    })
    .unwrap()
}

/// Few marks and tracks, so that the same ones meet in two indices.
fn index() -> impl Strategy<Value = PublishingIndex> {
    let publication = (0..3_u64, 0..3_u64).prop_map(|(issued, n)| Publication {
        bundle: PublicationId::of(b"bundle"),
        issued: UnixSeconds::new(issued),
        key: ContentKey::from_bytes(*hash(n).as_bytes()),
        listed: true,
        object: Cid::of(b"object"),
    });
    let track = (0..3_u8, 1..3_u32)
        .prop_map(|(id, init_len)| track_of(&format!("t{id}"), picture(1, 1), init_len, 1, &[vec![(1, 1)]]));
    let event = proptest::prop_oneof![track.prop_map(Ok), publication.prop_map(Err)];
    prop::collection::vec((0..3_u8, event), 0..8).prop_map(|events| {
        let mut index = PublishingIndex::default();
        for (file, event) in events {
            let mark = FileMark::from_bytes([file; 32]);
            match event {
                // A file that is published already takes no more tracks.
                Ok(track) => drop(index.remember_track(mark, track)),
                Err(publication) => index.remember_publication(mark, publication),
            }
        }
        index
    })
}

proptest! {
    #[test]
    fn places_are_where_walking_leads(init_len in 1..=1_u32 << 20, runs in runs()) {
        let track = track_of("v", picture(1, 1), init_len, 1000, &runs);
        let (mut number, mut start, mut total) = (0_u32, 0_u64, 0_u64);
        for (part, run) in (0..).zip(&runs) {
            let mut offset = if part == 0 { u64::from(init_len) } else { 0 };
            for &(len, duration) in run {
                let place = track.segment(number).unwrap();
                prop_assert_eq!((place.part(), place.offset(), place.start()), (part, offset, start));
                prop_assert_eq!((place.len(), place.duration()), (len, duration));
                prop_assert_eq!(place.hash(), hash(number.into()));
                offset += u64::from(len);
                start += u64::from(duration);
                number += 1;
                prop_assert_eq!(place.end(), offset);
            }
            prop_assert_eq!(track.part_len(part), Some(offset));
            total += offset;
        }
        prop_assert_eq!(track.segment_count(), number);
        prop_assert_eq!(track.segment(number), None);
        prop_assert_eq!(track.segment(u32::MAX), None);
        prop_assert_eq!(track.part_len(u32::try_from(runs.len()).unwrap()), None);
        prop_assert_eq!((track.len(), track.duration()), (total, start));
    }

    #[test]
    fn bit_rates_are_rounded_up(timescale in 1..=u32::MAX, runs in runs()) {
        let track = track_of("v", picture(1, 1), 1, timescale, &runs);
        // Multiplied out, so that nothing is divided: rate − 1 is too little, rate is enough.
        let is_rate = |rate: u64, len: u64, duration: u64| {
            let bits = 8 * u128::from(len) * u128::from(timescale);
            let duration = u128::from(duration);
            u128::from(rate) * duration >= bits && (u128::from(rate) - 1) * duration < bits
        };
        let (mut len, mut duration, mut reached) = (0, 0, false);
        let rates = track.bit_rates();
        for &(l, d) in runs.iter().flatten() {
            len += u64::from(l);
            duration += u64::from(d);
            reached |= is_rate(rates.peak, l.into(), d.into());
            prop_assert!(u128::from(rates.peak) * u128::from(d) >= 8 * u128::from(l) * u128::from(timescale));
        }
        prop_assert!(reached);
        prop_assert!(is_rate(rates.average, len, duration));
        prop_assert!(rates.average <= rates.peak);
    }

    #[test]
    fn what_is_encoded_is_decoded(
        tracks in (track("a"), track("b")),
        chapters in prop::collection::btree_set(0..1_u64 << 40, 0..9),
    ) {
        let bundle = bundle_of(vec![tracks.0, tracks.1], &Vec::from_iter(chapters));
        let bytes = bundle.encode();
        prop_assert_eq!(bundle.id(), PublicationId::of(&bytes));
        prop_assert_eq!(bundle.id().to_string().parse(), Ok(bundle.id()));
        prop_assert_eq!(Bundle::decode(&bytes).unwrap(), bundle);
    }

    #[test]
    fn only_the_right_bytes_are_a_segment(bytes in prop::collection::vec(any::<u8>(), 1..100), flip: prop::sample::Index) {
        let segment = Segment { len: u32::try_from(bytes.len()).unwrap(), duration: 1, hash: ContentHash::of(&bytes) };
        let parts = bundle_of(vec![track_of("v", picture(1, 1), 1, 1, &[vec![(1, 1)]])], &[]).tracks()[0].parts().to_vec();
        let track = Track::new(TrackParts {
            id: TrackId::new("v").unwrap(),
            kind: picture(1, 1),
            codecs: Codecs::new("avc1").unwrap(),
            timescale: NonZeroU32::MIN,
            parts,
            init: Some(InitSection::new(NonZeroU32::MIN, hash(0))),
            segments: vec![segment],
            default: true,
            language: None,
            label: None,
        }).unwrap();
        let place = track.segment(0).unwrap();
        let verified = place.verify(Bytes::from(bytes.clone())).unwrap();
        prop_assert_eq!(verified.as_ref(), bytes.as_slice());

        let mut damaged = bytes.clone();
        damaged[flip.index(bytes.len())] ^= 1;
        let longer = [bytes.as_slice(), &[0]].concat();
        let shorter = bytes[1..].to_vec();
        for wrong in [damaged, longer, shorter] {
            prop_assert_eq!(place.verify(wrong.into()), None);
        }
    }

    #[test]
    fn indices_merge_in_any_order(one in index(), two in index(), three in index()) {
        let bytes = one.encode().unwrap();
        prop_assert_eq!(&PublishingIndex::decode(&bytes).unwrap(), &one);
        prop_assert_eq!(&one.clone().merge(one.clone()), &one);
        prop_assert_eq!(one.clone().merge(two.clone()), two.clone().merge(one.clone()));
        let left = one.clone().merge(two.clone()).merge(three.clone());
        prop_assert_eq!(left, one.merge(two.merge(three)));
    }
}
