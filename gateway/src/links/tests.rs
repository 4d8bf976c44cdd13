//! The same for every store: what is asked of one. `PostgreSQL` is a real one, started here.

use protocol::{SecretKey, UnixSeconds};
use sharing::{EVENTS_OF_ANSWER_MAX, LINK_KEPT_S, LinkEvent, LinkEventKind, LinkId, Reader};

use super::store::RoomForLinks;
use super::*;

use crate::links::postgres_for_tests as postgres;

const START: UnixSeconds = UnixSeconds::new(1);
const EXPIRES: UnixSeconds = UnixSeconds::new(5000);

fn terms(says: &str, attempts: Option<u32>) -> NewLink {
    let owner = SecretKey::from_bytes(&[1; 32]).public();
    let (kind, room) = (LinkKind::Health, LinkRoom::Own);
    NewLink { kind, owner, record: says.into(), attempts, expires: Some(EXPIRES), room }
}

fn id(number: u8) -> LinkId {
    LinkId::from_bytes([number; 32])
}

fn event(at: u64, what: LinkEventKind) -> LinkEvent {
    LinkEvent { at: UnixSeconds::new(at), shown: None, what, who: Reader::stated("Dr. Ng") }
}

async fn keeps_links(links: &Links) {
    let (store, first) = (links.store(), terms("first", Some(5)));
    assert_eq!(store.get(id(1)).await.unwrap(), None);
    assert_eq!(store.put(id(1), first.clone(), START).await.unwrap(), Placed::New);
    assert_eq!(store.put(id(1), first.clone(), START).await.unwrap(), Placed::Known);
    assert_eq!(store.put(id(1), terms("other", Some(5)), START).await.unwrap(), Placed::Other);
    let link = store.get(id(1)).await.unwrap().unwrap();
    assert_eq!(link, Link::begin(first.clone()));
    assert_eq!(link.state(UnixSeconds::new(4999)), LinkState::Open);
    assert_eq!(link.state(EXPIRES), LinkState::Expired);

    // Of two that change it, one has seen what is there. Attempts that were used stay used.
    assert_eq!(store.take_attempt(id(1)).await.unwrap(), Taken::Left(4));
    let second = NewLink { expires: None, ..terms("second", Some(5)) };
    assert!(store.replace(id(1), b"first", second.clone()).await.unwrap());
    assert!(!store.replace(id(1), b"first", terms("third", Some(5))).await.unwrap());
    assert!(!store.replace(id(9), b"first", terms("third", Some(5))).await.unwrap());
    let link = store.get(id(1)).await.unwrap().unwrap();
    assert_eq!((link.terms, link.remaining), (second, Some(4)));

    // What was revoked is so for ever, from the first time on.
    assert!(store.end(id(1), UnixSeconds::new(10)).await.unwrap());
    assert!(store.end(id(1), UnixSeconds::new(20)).await.unwrap());
    assert!(!store.end(id(9), UnixSeconds::new(10)).await.unwrap());
    assert!(!store.replace(id(1), b"second", first).await.unwrap());
    let link = store.get(id(1)).await.unwrap().unwrap();
    assert_eq!(link.state(EXPIRES), LinkState::Revoked { at: UnixSeconds::new(10) });

    // What opened it is not kept, and the same link is known all the same.
    assert!(!link.has_record() && link.terms.record.len() == 32);
    let again = NewLink { expires: None, ..terms("second", Some(5)) };
    assert_eq!(store.put(id(1), again, START).await.unwrap(), Placed::Known);
    assert_eq!(store.put(id(1), terms("first", Some(5)), START).await.unwrap(), Placed::Other);
}

/// However many guess at once: so many are compared as there are attempts, and no right one is turned away by others.
async fn counts_attempts(links: &Links) {
    for (number, attempts) in [(2, Some(5)), (3, None), (4, Some(3))] {
        links.store().put(id(number), terms("guess", attempts), START).await.unwrap();
    }
    let at_once = async |number: u8, is_right: bool| {
        let guesses = (0..100).map(|_| links.guess(id(number), async move { is_right }));
        let guesses = futures_util::future::join_all(guesses).await;
        guesses.into_iter().map(Result::unwrap).collect::<Vec<_>>()
    };
    let right = at_once(2, true).await;
    assert!(right.iter().all(|guess| *guess == Guess::Right), "{right:?}");
    let wrong = at_once(2, false).await;
    for left in 0..5 {
        let found = wrong.iter().filter(|guess| **guess == Guess::Wrong { remaining: Some(left) }).count();
        assert_eq!(found, 1, "{left} left");
    }
    assert_eq!(wrong.iter().filter(|guess| **guess == Guess::Locked).count(), 95);
    assert_eq!(
        links.guess(id(2), async { unreachable!("nothing is compared") }).await.unwrap(),
        Guess::Locked
    );
    let link = links.store().get(id(2)).await.unwrap().unwrap();
    assert_eq!(link.state(UnixSeconds::new(0)), LinkState::Locked);
    let free = at_once(3, false).await;
    assert!(free.iter().all(|guess| *guess == Guess::Wrong { remaining: None }));
    links.store().give_back(id(4)).await.unwrap();
    let link = links.store().get(id(4)).await.unwrap().unwrap();
    assert_eq!(link.remaining, Some(3), "none is given back that was not taken");

    // The turns of one process aside: takers of several gateways get no more than there are either.
    let takers = (0..100).map(|_| links.store().take_attempt(id(4)));
    let taken = futures_util::future::join_all(takers).await;
    assert_eq!(taken.iter().filter(|taken| matches!(taken, Ok(Taken::Left(_)))).count(), 3);
}

async fn keeps_events(links: &Links) {
    use LinkEventKind::{Opened, Refused};
    let store = links.store();
    store.put(id(5), terms("watched", None), START).await.unwrap();
    assert_eq!(store.note(id(9), event(1, Opened)).await.unwrap(), Noted::Full, "no such link");
    for at in 0..u64::from(REFUSALS_KEPT_MAX) + 2 {
        let expected = if at < u64::from(REFUSALS_KEPT_MAX) { Noted::Kept } else { Noted::Full };
        assert_eq!(store.note(id(5), event(at, Refused)).await.unwrap(), expected);
    }
    assert_eq!(store.note(id(5), event(7000, Opened)).await.unwrap(), Noted::Kept, "accesses count apart");
    let first = store.events(id(5), 0).await.unwrap();
    let most = EVENTS_OF_ANSWER_MAX as u64;
    assert_eq!((first.len() as u64, first[0].number), (most, 1));
    assert_eq!(first[0].event, event(0, Refused));
    let rest = store.events(id(5), most).await.unwrap();
    assert_eq!(rest, [NumberedEvent { number: most + 1, event: event(7000, Opened) }]);
    // Once its owner has them, there is room for more, and numbers go on.
    store.forget_events(id(5), most).await.unwrap();
    assert_eq!(store.note(id(5), event(8000, Refused)).await.unwrap(), Noted::Kept);
    let numbers: Vec<_> = store.events(id(5), 0).await.unwrap().iter().map(|event| event.number).collect();
    assert_eq!(numbers, [most + 1, most + 2]);
}

/// What was acknowledged is there for whoever opens the store next.
async fn is_as_it_was_left(links: &Links) {
    let store = links.store();
    assert!(store.get(id(1)).await.unwrap().unwrap().ended.is_some());
    assert_eq!(store.take_attempt(id(2)).await.unwrap(), Taken::Spent);
    assert_eq!(store.events(id(5), 0).await.unwrap().len(), 2);
    let long_after = EXPIRES.plus(LINK_KEPT_S);
    assert_eq!(store.sweep(UnixSeconds::new(long_after.get() - 1)).await.unwrap(), 0);
    assert_eq!(store.sweep(long_after).await.unwrap(), 4, "the first has no end any more, and stays revoked");
    assert_eq!(store.get(id(5)).await.unwrap(), None);
    assert_eq!(store.events(id(5), 0).await.unwrap(), []);
    assert!(store.get(id(1)).await.unwrap().is_some());
}

/// Room for six links, four of them of guests: strangers fill theirs and nobody else's, and not for good.
async fn guests_have_a_part_of_the_room(links: &Links) {
    let store = links.store();
    let guest = |ends: u64| NewLink {
        room: LinkRoom::Guests,
        expires: Some(UnixSeconds::new(ends)),
        ..terms("of a guest", None)
    };
    let at = UnixSeconds::new;
    for (number, ends) in [(10, 300), (11, 200), (12, 400), (13, 900)] {
        assert_eq!(store.put(id(number), guest(ends), at(100)).await.unwrap(), Placed::New);
    }
    assert_eq!(store.get(id(11)).await.unwrap().unwrap().terms, guest(200));
    assert_eq!(store.put(id(14), guest(900), at(199)).await.unwrap(), Placed::Full);
    for (number, became) in [(20, Placed::New), (21, Placed::New), (22, Placed::Full)] {
        assert_eq!(store.put(id(number), terms("own", None), at(100)).await.unwrap(), became);
    }
    // The one that has expired makes room, and nothing of it is left.
    store.note(id(11), event(150, LinkEventKind::Opened)).await.unwrap();
    assert_eq!(store.put(id(14), guest(900), at(200)).await.unwrap(), Placed::New);
    assert_eq!((store.get(id(11)).await.unwrap(), store.events(id(11), 0).await.unwrap()), (None, vec![]));
    assert_eq!(store.put(id(15), guest(900), at(299)).await.unwrap(), Placed::Full);
    // A change takes its end with it, and one with the token leaves the guests' room for good.
    assert!(store.replace(id(10), b"of a guest", guest(800)).await.unwrap());
    assert!(
        store.replace(id(12), b"of a guest", NewLink { expires: None, ..terms("own", None) }).await.unwrap()
    );
    assert!(store.replace(id(12), b"own", guest(800)).await.unwrap());
    assert_eq!(store.get(id(12)).await.unwrap().unwrap().terms.room, LinkRoom::Own);
    assert_eq!(store.put(id(15), guest(900), at(300)).await.unwrap(), Placed::Full, "there are six");
    // So many accesses of a guest's link wait for its owner.
    for n in 0..=GUEST_ACCESSES_KEPT_MAX {
        let expected = if n < GUEST_ACCESSES_KEPT_MAX { Noted::Kept } else { Noted::Full };
        assert_eq!(store.note(id(13), event(150, LinkEventKind::Opened)).await.unwrap(), expected);
    }
    let (soon, last) = (at(800 + LINK_KEPT_S), at(900 + LINK_KEPT_S));
    assert_eq!(store.sweep(soon).await.unwrap(), 2);
    assert_eq!(
        store.put(id(16), guest(last.get() + 1), soon).await.unwrap(),
        Placed::New,
        "swept ones make room"
    );
    assert_eq!(store.sweep(last).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_keeps_links() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("links.redb");
    let links = Links::in_file(&path).unwrap();
    assert!(matches!(Links::in_file(&path), Err(LinkStoreError::InUse)));
    keeps_links(&links).await;
    counts_attempts(&links).await;
    keeps_events(&links).await;
    // The file as a power cut would leave it, while the store is open.
    let cut = folder.path().join("cut.redb");
    std::fs::copy(&path, &cut).unwrap();
    is_as_it_was_left(&Links::in_file(&cut).unwrap()).await;
    drop(links);
    is_as_it_was_left(&Links::in_file(&path).unwrap()).await;
    let small = RoomForLinks { all: 6, guests: 4 };
    guests_have_a_part_of_the_room(&Links::in_file_with(&folder.path().join("small.redb"), small).unwrap())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_keeps_links_for_several_gateways() {
    let server = postgres::Server::start();
    let url = server.url("links");
    let (links, other) = tokio::join!(Links::in_database(&url), Links::in_database(&url));
    let (links, other) = (links.unwrap(), other.unwrap());
    keeps_links(&links).await;
    counts_attempts(&links).await;
    keeps_events(&links).await;
    let link = NewLink { expires: None, ..terms("both", Some(10)) };
    links.store().put(id(6), link, START).await.unwrap();
    let guesses = (0..100).map(|n| {
        let gateway = if n % 2 == 0 { &links } else { &other };
        gateway.guess(id(6), async { false })
    });
    let guesses = futures_util::future::join_all(guesses).await;
    let compared = guesses.iter().filter(|guess| !matches!(guess, Ok(Guess::Locked))).count();
    assert_eq!(compared, 10, "gateways count together");
    is_as_it_was_left(&other).await;
    let small = RoomForLinks { all: 6, guests: 4 };
    let small = Links::in_database_with(&server.url("small"), small).await.unwrap();
    guests_have_a_part_of_the_room(&small).await;
}
