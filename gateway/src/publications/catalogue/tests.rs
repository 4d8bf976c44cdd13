use chunker::ContentKey;
use protocol::{SecretKey, UnixSeconds};
use sharing::Reason;

use super::*;

const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);

fn catalogue(per_creator_max: u64) -> Catalogue {
    Catalogue::in_memory(NETWORK, per_creator_max).unwrap()
}

fn creator(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32])
}

fn id(n: u8) -> PublicationId {
    PublicationId::of(&[n])
}

fn object(n: u8) -> Cid {
    Cid::of(&[n, n])
}

fn published(by: &SecretKey, n: u8, issued: u64) -> Signed<Publication> {
    let body = Publication {
        bundle: id(n),
        issued: UnixSeconds::new(issued),
        key: ContentKey::from_bytes([n; 32]),
        listed: true,
        object: object(n),
    };
    Signed::sign(by, &NETWORK, body)
}

fn withdrawn(by: &SecretKey, n: u8, issued: u64) -> Signed<Withdrawal> {
    Signed::sign(by, &NETWORK, Withdrawal { bundle: id(n), issued: UnixSeconds::new(issued) })
}

fn summary(n: u8) -> Summary {
    let told = serde_json::json!({
        "id": id(n).to_string(), "kind": "film", "title": format!("film {n}"), "by": null, "about": null,
        "creator": "", "created": n, "duration_ms": 1, "language": null, "poster": null, "strip": null,
        "watch": "", "listed": true,
    });
    serde_json::from_value(told).unwrap()
}

fn keep(catalogue: &Catalogue, by: &SecretKey, n: u8, issued: u64) -> Kept {
    catalogue.keep(&published(by, n, issued), summary(n), &[]).unwrap()
}

fn listed(catalogue: &Catalogue) -> Vec<Summary> {
    catalogue.list(None, 10).unwrap()
}

#[test]
fn a_later_record_brings_back_what_was_withdrawn_and_an_older_withdrawal_does_not_count() {
    let (catalogue, creator) = (catalogue(10), creator(1));
    assert_eq!(keep(&catalogue, &creator, 1, 100), Kept::Now);
    assert!(matches!(catalogue.withdraw(&withdrawn(&creator, 1, 200)).unwrap(), Ended::Now(_)));
    assert!(listed(&catalogue).is_empty() && catalogue.get(id(1)).unwrap().unwrap().is_withdrawn);
    assert_eq!(catalogue.withdrawn(&[id(1), id(2)]).unwrap(), HashSet::from([id(1)]));
    for issued in [100, 150, 200] {
        assert_eq!(keep(&catalogue, &creator, 1, issued), Kept::Withdrawn, "issued {issued}");
    }
    assert_eq!(keep(&catalogue, &creator, 1, 201), Kept::Now);
    assert_eq!(listed(&catalogue), [summary(1)]);
    assert_eq!(catalogue.withdraw(&withdrawn(&creator, 1, 200)).unwrap(), Ended::Older);
    assert_eq!(listed(&catalogue), [summary(1)], "whoever replays the withdrawal changes nothing");
    assert_eq!(catalogue.withdraw(&withdrawn(&creator, 2, 300)).unwrap(), Ended::Unknown);
}

#[test]
fn of_two_withdrawals_the_later_counts() {
    let (catalogue, creator) = (catalogue(10), creator(1));
    keep(&catalogue, &creator, 1, 100);
    for issued in [300, 200] {
        assert!(matches!(catalogue.withdraw(&withdrawn(&creator, 1, issued)).unwrap(), Ended::Now(_)));
    }
    assert_eq!(keep(&catalogue, &creator, 1, 250), Kept::Withdrawn);
}

#[test]
fn nobody_takes_or_ends_what_is_anothers() {
    let (catalogue, creator, stranger) = (catalogue(10), creator(1), creator(2));
    keep(&catalogue, &creator, 1, 100);
    assert_eq!(keep(&catalogue, &stranger, 1, 300), Kept::Foreign);
    assert_eq!(catalogue.withdraw(&withdrawn(&stranger, 1, 300)).unwrap(), Ended::Foreign);
    assert_eq!(listed(&catalogue).len(), 1);
}

#[test]
fn one_creator_leaves_room_for_others() {
    let (catalogue, [greedy, other]) = (catalogue(3), [1, 2].map(creator));
    for n in 0..3 {
        assert_eq!(keep(&catalogue, &greedy, n, 100), Kept::Now);
    }
    assert_eq!(keep(&catalogue, &greedy, 3, 100), Kept::CreatorFull(3));
    assert_eq!(keep(&catalogue, &greedy, 2, 101), Kept::Now, "another record is not another publication");
    catalogue.withdraw(&withdrawn(&greedy, 0, 200)).unwrap();
    assert_eq!(keep(&catalogue, &greedy, 3, 100), Kept::CreatorFull(3), "a withdrawn one still has its row");
    assert_eq!(keep(&catalogue, &other, 3, 100), Kept::Now);
}

#[test]
fn what_is_denied_is_not_listed_and_denials_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalogue");
    let open = || Catalogue::open(&path, NETWORK, 10).unwrap();
    let catalogue = open();
    for n in 1..4 {
        keep(&catalogue, &creator(1), n, 100);
    }
    for target in [id(1).cid(), object(2)] {
        let reason = Reason::new("a court said so").unwrap();
        let denial = Denial { issued: UnixSeconds::new(1), reason, target };
        assert!(catalogue.deny(&Signed::sign(&creator(3), &NETWORK, denial)).unwrap());
    }
    drop(catalogue);
    let catalogue = open();
    assert_eq!(listed(&catalogue), [summary(3)]);
    assert!(catalogue.is_denied(&object(2)) && !catalogue.is_denied(&object(3)));
    assert_eq!(catalogue.denial(&object(2)).unwrap().unwrap().body().target, object(2));
}

fn title(by: u8, n: u8, kind: PaidKind) -> PaidTitle {
    PaidTitle { id: id(n).cid(), creator: creator(by).public(), kind }
}

#[test]
fn what_one_creator_is_paid_for_nobody_else_publishes_for_money() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalogue.redb");
    let catalogue = Catalogue::open(&path, NETWORK, 10).unwrap();
    let pay_for = |by, n, kind, objects: &[u8]| {
        let objects: Vec<_> = objects.iter().map(|n| object(*n)).collect();
        catalogue.pay_for(&objects, &title(by, n, kind)).unwrap()
    };
    let film = PaidKind::Publication;
    assert_eq!(pay_for(1, 1, film, &[1, 2]), PaidFor::Kept);
    assert_eq!(pay_for(2, 2, film, &[3, 2]), PaidFor::Foreign);
    assert_eq!(pay_for(1, 3, film, &[2, 4]), PaidFor::Kept);
    drop(catalogue);
    let catalogue = Catalogue::open(&path, NETWORK, 10).unwrap();
    let is_open_to = |by, n| catalogue.is_open_to(&object(n), &creator(by).public());
    assert_eq!([1, 2, 3, 4].map(|n| catalogue.is_held(&object(n))), [true, true, false, true]);
    assert!(is_open_to(1, 2) && !is_open_to(2, 2) && is_open_to(2, 3));
}

#[test]
fn a_live_stream_is_not_blocked_by_who_has_named_its_segments_first() {
    let catalogue = catalogue(10);
    let pay_for = |by, n, kind| catalogue.pay_for(&[object(1)], &title(by, n, kind)).unwrap();
    // A stranger names the segments of somebody else's stream, as a stream and as a publication.
    assert_eq!(pay_for(2, 2, PaidKind::Live), PaidFor::Kept);
    assert_eq!(pay_for(2, 3, PaidKind::Publication), PaidFor::Kept);
    assert_eq!(pay_for(1, 1, PaidKind::Live), PaidFor::Kept);
    assert_eq!(pay_for(1, 4, PaidKind::Publication), PaidFor::Kept, "what the stream becomes");
    assert!(catalogue.is_open_to(&object(1), &creator(1).public()));
    assert_eq!(pay_for(3, 5, PaidKind::Publication), PaidFor::Foreign);
}

#[test]
fn what_has_ended_gives_back_what_it_held() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalogue.redb");
    let open = || Catalogue::open(&path, NETWORK, 10).unwrap();
    let catalogue = open();
    let offer = |catalogue: &Catalogue, issued| {
        catalogue.keep(&published(&creator(1), 1, issued), summary(1), &[object(1), object(2)]).unwrap()
    };
    assert_eq!(offer(&catalogue, 100), Kept::Now);
    let live = title(1, 9, PaidKind::Live);
    assert_eq!(catalogue.pay_for(&[object(2)], &live).unwrap(), PaidFor::Kept);
    let held = |catalogue: &Catalogue| [1, 2].map(|n| catalogue.is_held(&object(n)));
    catalogue.withdraw(&withdrawn(&creator(1), 1, 200)).unwrap();
    assert_eq!(held(&catalogue), [false, true], "the stream still holds one");
    assert_eq!(offer(&catalogue, 150), Kept::Withdrawn);
    assert_eq!(held(&catalogue), [false, true], "what is refused holds nothing");
    assert_eq!(offer(&catalogue, 201), Kept::Now);
    assert_eq!(held(&catalogue), [true, true]);
    catalogue.release(&[live.id]).unwrap();
    drop(catalogue);
    let catalogue = open();
    assert_eq!(held(&catalogue), [true, true]);
    catalogue.withdraw(&withdrawn(&creator(1), 1, 300)).unwrap();
    assert_eq!(held(&catalogue), [false, false]);
}
