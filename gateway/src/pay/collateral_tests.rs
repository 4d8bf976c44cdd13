use proptest::collection::vec;
use proptest::prelude::*;
use protocol::SecretKey;

use super::*;

fn node(seed: u8) -> PublicKey {
    SecretKey::from_bytes(&[seed; 32]).public()
}

fn amount(micro: u64) -> Amount {
    Amount::new(micro).unwrap()
}

fn due(seed: u8, read: u64, counted: Option<(u64, u64)>) -> Due {
    // A micro-unit for two bytes.
    let price = ReadPrice { ledger: node(9), micro: amount(1 << 29) };
    let counted = counted.map(|(bytes, micro)| Counted { bytes, amount: amount(micro) });
    Due { node: node(seed), price, read: PricedBytes::at(price.micro, read), counted }
}

/// Takes the steps that lead to a voucher; what it says, and on which lane.
fn pay(collateral: &mut Collateral, due: &Due) -> Option<(u32, u64, u64)> {
    loop {
        match collateral.next(due) {
            Step::Allocate { lane: number, amount: allocated } => {
                let lane = Lane { number, allocated, is_promised: false, said: NOTHING };
                collateral.add(due.node, lane);
            }
            Step::HandIn { .. } => collateral.promised(due.node),
            Step::Owe { lane, said } => {
                collateral.owes(due, said);
                return Some((lane.get(), said.bytes, said.amount.get()));
            }
            Step::Nothing | Step::UsedUp => return None,
        }
    }
}

#[test]
fn a_voucher_says_what_was_read_and_then_what_the_node_says_besides() {
    let mut collateral = Collateral::new(amount(6400), Epoch::new(1));
    assert_eq!(pay(&mut collateral, &due(1, 0, None)), Some((0, 0, 0)), "it has to be introduced");
    assert_eq!(pay(&mut collateral, &due(1, 0, Some((0, 0)))), None);
    assert_eq!(pay(&mut collateral, &due(1, 101, None)), Some((0, 101, 51)));
    assert_eq!(pay(&mut collateral, &due(1, 101, Some((101, 50)))), None);
    // It has sent a little more than arrived, and names the amount.
    assert_eq!(pay(&mut collateral, &due(1, 101, Some((111, 55)))), Some((0, 111, 55)));
    assert_eq!(pay(&mut collateral, &due(1, 151, None)), Some((0, 161, 80)));
}

#[test]
fn a_node_is_believed_only_so_much() {
    let mut collateral = Collateral::new(Amount::MAX, Epoch::new(1));
    let lie = Some((u64::MAX, u64::MAX >> 1));
    let (_, bytes, _) = pay(&mut collateral, &due(1, 1000, lie)).unwrap();
    assert_eq!(bytes, 1000 + TRUST_LEN);
    assert_eq!(pay(&mut collateral, &due(1, 1000, lie)), None);
    collateral.begin(Epoch::new(2));
    assert_eq!(pay(&mut collateral, &due(1, 1000, lie)).unwrap().1, TRUST_LEN, "in another epoch");
}

#[test]
fn a_node_is_not_believed_anew_because_the_gateway_is_started_anew() {
    let lie = Some((1 << 40, 1 << 40));
    let (mut kept, mut paid, mut said) = (0, 0, NOTHING);
    for start in 0..5 {
        let mut collateral = Collateral::new(Amount::MAX, Epoch::new(1));
        let lane = Lane { number: LaneNumber::new(0), allocated: Amount::MAX, is_promised: true, said };
        collateral.add(node(1), lane);
        collateral.has_believed(node(1), kept);
        while let Step::Owe { said: next, .. } = collateral.next(&due(1, 1000, lie)) {
            kept = collateral.believed_with(&due(1, 1000, lie), next);
            collateral.owes(&due(1, 1000, lie), next);
            (said, paid) = (next, next.bytes);
        }
        assert_eq!((kept, paid), (TRUST_LEN, TRUST_LEN + 1000 * (start + 1)), "start {start}");
    }
}

#[test]
fn lanes_grow_and_together_are_never_more_than_the_collateral() {
    let mut collateral = Collateral::new(amount(6400), Epoch::new(1));
    let allocated = |collateral: &Collateral| match collateral.next(&due(1, 1, None)) {
        Step::Allocate { amount, .. } => amount.get(),
        other => panic!("{other:?}"),
    };
    assert_eq!(allocated(&collateral), 100);
    assert_eq!(pay(&mut collateral, &due(1, 200, None)), Some((0, 200, 100)));
    assert_eq!(pay(&mut collateral, &due(1, 202, None)), Some((1, 2, 1)));
    assert_eq!(collateral.set_aside, amount(300));
    // One is raised to what has to be paid at once.
    assert_eq!(pay(&mut collateral, &due(1, 202 + 12_000, None)), Some((2, 12_000, 6000)));
    assert_eq!(collateral.set_aside, amount(6300));
    assert_eq!(pay(&mut collateral, &due(2, 100, None)), Some((0, 100, 50)));
    assert_eq!(collateral.set_aside, amount(6400));
    assert_eq!(collateral.next(&due(3, 0, None)), Step::UsedUp);
    collateral.begin(Epoch::new(2));
    assert_eq!(pay(&mut collateral, &due(2, 100, None)), Some((0, 0, 0)), "what is covered stays so");
}

#[test]
fn an_allocation_without_a_promise_is_handed_in_first() {
    let mut collateral = Collateral::new(amount(6400), Epoch::new(1));
    let (number, allocated) = (LaneNumber::new(3), amount(10));
    let said = Counted { bytes: 7, amount: amount(4) };
    collateral.add(node(1), Lane { number, allocated, is_promised: false, said });
    assert_eq!(collateral.next(&due(1, 2, None)), Step::HandIn { lane: number });
    collateral.promised(node(1));
    assert_eq!(pay(&mut collateral, &due(1, 2, None)), Some((3, 9, 5)));
}

#[test]
fn a_new_price_is_paid_for_what_is_read_after_it_was_told() {
    let mut collateral = Collateral::new(Amount::MAX, Epoch::new(1));
    let mut due = due(1, 100, None);
    due.price.micro = amount(1 << 31);
    due.read.add(due.price.micro, 10);
    assert_eq!(pay(&mut collateral, &due), Some((0, 110, 50 + 20)), "dearer by four times since");
    // What it says besides costs what it asks now.
    due.counted = Some(Counted { bytes: 113, amount: amount(1000) });
    assert_eq!(pay(&mut collateral, &due), Some((0, 113, 76)));
    due.read.add(amount(1 << 29), 3);
    due.read.add(amount(1 << 29), 4);
    due.counted = None;
    assert_eq!(pay(&mut collateral, &due), Some((0, 120, 80)), "and is cheap again");
}

proptest! {
    /// Whatever nodes say and however they are read: no more is set aside than there is, no lane owes more than its
    /// allocation, and no node is paid more bytes than were read from it and it is believed.
    #[test]
    fn nothing_is_owed_that_is_not_set_aside(
        limit in 0_u64..5000,
        steps in vec((1_u8..4, 0_u64..500, any::<Option<u32>>()), 1..60),
    ) {
        let mut collateral = Collateral::new(amount(limit), Epoch::new(1));
        let mut read = HashMap::<u8, u64>::new();
        let mut paid = HashMap::<(u8, u32), (u64, u64)>::new();
        for (seed, more, claims) in steps {
            let read = read.entry(seed).or_default();
            *read += more;
            let counted = claims.map(|bytes| (bytes.into(), bytes.into()));
            if let Some((lane, bytes, micro)) = pay(&mut collateral, &due(seed, *read, counted)) {
                let before = paid.insert((seed, lane), (bytes, micro)).unwrap_or_default();
                prop_assert!(before.0 <= bytes && before.1 <= micro);
                prop_assert!(micro <= collateral.nodes[&node(seed)].lane.unwrap().allocated.get());
            }
            let all: u64 = paid.iter().filter(|((of, _), _)| *of == seed).map(|(_, (bytes, _))| bytes).sum();
            prop_assert!(all <= *read + TRUST_LEN);
            prop_assert!(collateral.set_aside <= amount(limit));
        }
    }
}
