//! Which records are taken in.

use protocol::{Addresses, BoundedList, CapacityClass, SecretKey};

use super::*;

const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);
const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
const DAY: u64 = 86_400;

fn secret(seed: u16) -> SecretKey {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&seed.to_le_bytes());
    SecretKey::from_bytes(&bytes)
}

fn body(address: &str, seq: u64) -> NodeRecord {
    let addrs = Addresses::new(vec![address.parse().unwrap()]).unwrap();
    let class = CapacityClass::new(0).unwrap();
    NodeRecord::new(addrs, class, UnixSeconds::new(seq), Sequence::new(seq))
}

fn record(seed: u16, seq: u64) -> Signed<NodeRecord> {
    Signed::sign(&secret(seed), &NETWORK, body("127.0.0.1:4433", seq))
}

fn succession(from: u16, to: u16, issued: u64) -> protocol::Unverified<Successor> {
    let body = Successor { issued: UnixSeconds::new(issued), node: secret(to).public() };
    (&Signed::sign(&secret(from), &NETWORK, body)).into()
}

fn following(seed: u16, seq: u64, formerly: Vec<protocol::Unverified<Successor>>) -> Signed<NodeRecord> {
    let mut body = body("127.0.0.1:4433", seq);
    body.formerly = BoundedList::new(formerly).unwrap();
    Signed::sign(&secret(seed), &NETWORK, body)
}

fn members() -> Members {
    Members::new(NETWORK, false)
}

#[test]
fn the_highest_sequence_wins_in_whatever_order() {
    for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] {
        let mut members = members();
        for seq in order {
            members.insert(record(1, seq));
        }
        assert_eq!(members.len(), 1);
        assert_eq!(members.iter().next().unwrap().body().seq, Sequence::new(3), "{order:?}");
    }
}

#[test]
fn of_two_records_with_one_sequence_all_keep_the_same() {
    let [one, other] = ["127.0.0.1:1", "127.0.0.1:2"].map(|a| Signed::sign(&secret(1), &NETWORK, body(a, 7)));
    let kept = [[&one, &other], [&other, &one]].map(|order| {
        let mut members = members();
        let _news = order.map(|record| members.insert(record.clone()));
        members.iter().next().unwrap().clone()
    });
    assert_eq!(kept[0], kept[1]);
}

#[test]
fn only_news_of_this_network_is_taken_in() {
    let mut members = members();
    members.learn(record(1, 5), NOW).unwrap();
    assert!(matches!(members.learn(record(1, 5), NOW), Err(NotTakenIn::Stale { .. })));
    assert!(matches!(members.learn(record(1, 4), NOW), Err(NotTakenIn::Stale { .. })));
    let elsewhere = Signed::sign(&secret(2), &NetworkId::from_bytes([2; 32]), body("127.0.0.1:1", 9));
    assert!(matches!(members.learn(elsewhere, NOW), Err(NotTakenIn::OtherNetwork(_))));
    members.learn(record(2, 0), NOW).unwrap();
    assert_eq!(members.len(), 2);
}

#[test]
fn a_record_from_the_future_waits_for_its_time_and_outbids_nobody() {
    let mut members = members();
    let skewed = NOW.get() + CLOCK_SKEW_MAX_S;
    members.learn(record(1, skewed), NOW).unwrap();
    assert!(matches!(members.learn(record(2, skewed + 1), NOW), Err(NotTakenIn::Ahead(_))));
    members.learn(record(2, skewed + 1), NOW.plus(1)).unwrap();

    let mut outbidding = body("127.0.0.1:1", NOW.get());
    outbidding.seq = Sequence::new(u64::MAX);
    let outbidding = Signed::sign(&secret(3), &NETWORK, outbidding);
    assert!(matches!(members.learn(outbidding, NOW), Err(NotTakenIn::Ahead(_))));
    members.learn(record(3, NOW.get()), NOW).unwrap();
}

#[test]
fn one_network_of_addresses_has_a_bounded_number_of_nodes() {
    let mut members = members();
    let at = |seed: u16, address: String| Signed::sign(&secret(seed), &NETWORK, body(&address, 1));
    for seed in 0..256 {
        members.learn(at(seed, format!("203.0.113.{}:1", seed % 200 + 1)), NOW).unwrap();
    }
    assert!(matches!(members.learn(at(300, "203.0.113.9:1".into()), NOW), Err(NotTakenIn::Crowded)));
    members.learn(at(300, "203.0.114.9:1".into()), NOW).unwrap();
    members.learn(at(301, "[2001:db8::1]:1".into()), NOW).unwrap();
    // One that is known may change its port there, and makes room when it goes elsewhere.
    let moved = |address: &str| Signed::sign(&secret(0), &NETWORK, body(address, 2));
    members.learn(moved("203.0.113.1:9"), NOW).unwrap();
    let gone = Signed::sign(&secret(0), &NETWORK, body("198.51.100.1:1", 3));
    members.learn(gone, NOW).unwrap();
    members.learn(at(302, "203.0.113.9:1".into()), NOW).unwrap();
}

#[test]
fn silent_nodes_are_kept_but_not_told() {
    let mut members = members();
    members.learn(record(1, NOW.get() - 8 * DAY), NOW).unwrap();
    assert_eq!(members.told(None).count(), 1, "nothing newer is known");
    members.learn(record(2, NOW.get()), NOW).unwrap();
    members.learn(record(3, NOW.get() - 6 * DAY), NOW).unwrap();
    let told: Vec<_> = members.told(None).map(Signed::by).collect();
    assert_eq!((told.len(), members.len()), (2, 3));
    assert!(!told.contains(&secret(1).public()));
    assert_eq!(members.told(Some(&told[0])).map(Signed::by).collect::<Vec<_>>(), told[1..]);
    members.learn(record(1, NOW.get()), NOW).unwrap();
    assert_eq!(members.told(None).count(), 3, "it has come back");
}

#[test]
fn an_identity_that_ended_leads_to_its_successor() {
    let mut members = members();
    members.learn(record(1, 5), NOW).unwrap();
    members.learn(following(2, 6, vec![succession(1, 2, 6)]), NOW).unwrap();
    members.learn(following(3, 7, vec![succession(1, 2, 6), succession(2, 3, 7)]), NOW).unwrap();
    let [first, second, third] = [1, 2, 3].map(|seed| secret(seed).public());
    assert_eq!(members.len(), 1);
    for id in [first, second, third] {
        assert_eq!(members.get(&id).map(Signed::by), Some(third));
    }
    assert_eq!(
        members.ended().map(|(former, _)| former).collect::<std::collections::BTreeSet<_>>(),
        [first, second].into()
    );
    for ended in [1, 2] {
        assert!(matches!(members.learn(record(ended, 9), NOW), Err(NotTakenIn::Ended(_))));
    }
}

#[test]
fn of_two_successors_the_first_one_counts_in_whatever_order() {
    let rightful = following(2, 6, vec![succession(1, 2, 6)]);
    let thief = following(3, 9, vec![succession(1, 3, 9)]);
    let (mut honest, mut misled) = (members(), members());
    honest.learn(rightful.clone(), NOW).unwrap();
    assert!(matches!(honest.learn(thief.clone(), NOW), Err(NotTakenIn::Contested { .. })));
    misled.learn(thief, NOW).unwrap();
    misled.learn(rightful, NOW).unwrap();
    assert_eq!(misled.resolve(&secret(1).public()), Some(secret(2).public()));
}

#[test]
fn a_full_list_takes_in_a_newcomer_only_for_a_silent_node() {
    let mut members = members();
    for seed in 0..u16::try_from(NETWORK_NODES_MAX).unwrap() {
        members.insert(record(seed, if seed < 2 { 10 + u64::from(seed) } else { NOW.get() }));
    }
    assert_eq!(members.len(), NETWORK_NODES_MAX);
    for newcomer in [20_000, 20_001] {
        members.learn(record(newcomer, NOW.get()), NOW).unwrap();
    }
    assert!(members.get(&secret(0).public()).is_none());
    assert!(members.get(&secret(1).public()).is_none());
    assert!(matches!(members.learn(record(20_002, NOW.get()), NOW), Err(NotTakenIn::Full)));
    members.learn(record(7, NOW.get() + 1), NOW).unwrap();
}
