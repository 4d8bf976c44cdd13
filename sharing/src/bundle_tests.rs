//! Limits that no vector shows because it would be too long, and what else a bundle promises.

use protocol::{NetworkId, SecretKey, Signed, UnixSeconds};

use crate::samples::{SECRET_BYTE, creator, parts, publication, track};
use crate::{
    About, BUNDLE_LEN_MAX, Bundle, BundleError, BundleKind, BundleParts, ITEMS_MAX, Item, Millis, PARTS_MAX,
    PublicationId, PublishedBundle, SEGMENTS_MAX, SegmentsError, Title, TrackError, Withdrawal,
};

fn collection(items: usize) -> Result<Bundle, BundleError> {
    let item = Item { bundle: PublicationId::of(b"item"), title: Title::new("t".repeat(200)).unwrap() };
    let items = vec![item; items];
    Bundle::new(BundleParts {
        kind: BundleKind::Collection,
        duration: Millis::default(),
        tracks: Vec::new(),
        items,
        ..parts()
    })
}

#[test]
fn the_longest_tracks_have_20_000_parts_and_segments() {
    for in_parts in [false, true] {
        let longest = track("v", SEGMENTS_MAX, in_parts).unwrap();
        let bundle = Bundle::new(BundleParts { tracks: vec![longest], ..parts() }).unwrap();
        assert_eq!(Bundle::decode(&bundle.encode()).unwrap(), bundle);
    }
    let segments = track("v", SEGMENTS_MAX + 1, false).unwrap_err();
    assert_eq!(segments, TrackError::Segments(SegmentsError::Count { found: SEGMENTS_MAX + 1 }));
    let parts = track("v", PARTS_MAX + 1, true).unwrap_err();
    assert_eq!(parts, TrackError::Segments(SegmentsError::Parts { found: PARTS_MAX + 1 }));
}

#[test]
fn a_bundle_has_at_most_four_mib() {
    let full = |tracks: u32| {
        let tracks = (0..tracks).map(|n| track(&format!("v-{n}"), SEGMENTS_MAX, false).unwrap()).collect();
        Bundle::new(BundleParts { tracks, ..parts() })
    };
    let fits = full(5).unwrap().encode();
    assert!(fits.len() <= BUNDLE_LEN_MAX);
    assert!(matches!(full(6), Err(BundleError::TooLong { len }) if len > BUNDLE_LEN_MAX));
    let long = [fits, vec![0; BUNDLE_LEN_MAX]].concat();
    let refused = Bundle::decode(&long[..=BUNDLE_LEN_MAX]).unwrap_err().to_string();
    assert!(refused.contains("4194305 bytes are more than the limit of 4194304"), "{refused}");
}

#[test]
fn a_collection_has_at_most_a_thousand_items() {
    let longest = collection(ITEMS_MAX).unwrap();
    assert_eq!(Bundle::decode(&longest.encode()).unwrap(), longest);
    assert!(matches!(collection(ITEMS_MAX + 1), Err(BundleError::List(_))));
}

#[test]
fn keys_are_encoded_and_not_printed() {
    let bundle = Bundle::new(parts()).unwrap();
    let key = [SECRET_BYTE; 32];
    assert!(bundle.encode().windows(32).any(|window| window == key));
    let printed = format!("{bundle:?} {:?}", bundle.tracks()[0].parts());
    assert!(printed.contains("ContentKey(…)") && !printed.contains("231, 231"), "{printed}");
    let publication = publication(bundle.id());
    for printed in [format!("{publication:?}"), publication.to_string()] {
        assert!(!printed.contains("231, 231") && !printed.contains("e7e7"), "{printed}");
    }
}

#[test]
fn only_its_creator_withdraws_a_publication() {
    let network = NetworkId::from_bytes([3; 32]);
    let bundle = Bundle::new(parts()).unwrap();
    let record = Signed::sign(&creator(), &network, publication(bundle.id()));
    let published = PublishedBundle::new(record, &bundle.encode()).unwrap();

    let withdrawal = Withdrawal { bundle: bundle.id(), issued: UnixSeconds::new(2) };
    let other = SecretKey::from_bytes(&[2; 32]);
    let of_another = Withdrawal { bundle: PublicationId::of(b"another"), ..withdrawal };
    let elsewhere = NetworkId::from_bytes([4; 32]);
    assert!(published.is_withdrawn_by(&Signed::sign(&creator(), &network, withdrawal)));
    assert!(!published.is_withdrawn_by(&Signed::sign(&other, &network, withdrawal)));
    assert!(!published.is_withdrawn_by(&Signed::sign(&creator(), &network, of_another)));
    assert!(!published.is_withdrawn_by(&Signed::sign(&creator(), &elsewhere, withdrawal)));
}

#[test]
fn tracks_and_attachments_are_found_by_name() {
    let about = Some(About::new("one\ntwo").unwrap());
    let bundle = Bundle::new(BundleParts { about, ..parts() }).unwrap();
    assert_eq!(bundle.track("v").unwrap().id().as_str(), "v");
    assert!(bundle.track("a").is_none() && bundle.attachment("v").is_none());
}
