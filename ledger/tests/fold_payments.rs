//! The same, case by case: lanes, payments, settlements, disputes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod case;
mod world;

use case::{GATEWAY, NODE, VIEWER, claim, funded, refused, signed};
use ledger::{
    Account, Acknowledged, Applied, ApplyError, ClaimError, DISPUTES_OF_KEY_MAX, DISPUTES_OF_STRANGERS_MAX,
    Deposited, Dispute, HOLD_EPOCHS_MAX, Hold, HoldError, KnownBy, LaneError, Payee, PaymentError,
    PayoutAddress, PayoutTree, Rail, Remark, Resolution, Reversal, SettleError, What,
};
use protocol::{DeliveryReceipt, Epoch, Sequence, Signed, StreamNumber, UnixSeconds, Usage};
use world::{Ask, ISSUER, NOW, TREASURY, Title, World, allocation, amount, deposit, key, voucher};

#[test]
fn lanes_are_backed_by_what_gateways_have() {
    let (mut world, ask) = funded();
    let no_lane = refused(&mut world, voucher(GATEWAY, NODE, 1, 1));
    assert_eq!(no_lane, LaneError::NoLane { payer: key(GATEWAY), payee: key(NODE) }.into());
    assert_eq!(
        refused(&mut world, allocation(GATEWAY, GATEWAY, 1)),
        LaneError::Itself { payer: key(GATEWAY) }.into()
    );
    world.new_entry(allocation(GATEWAY, NODE, 600));
    assert_eq!(world.apply(allocation(GATEWAY, NODE, 600)).unwrap(), Applied::Known);
    assert_eq!(refused(&mut world, allocation(GATEWAY, NODE, 601)), ApplyError::Conflict("an allocation"));
    assert!(matches!(refused(&mut world, allocation(GATEWAY, 41, 401)), ApplyError::Overdrawn(_)));
    let over = refused(&mut world, voucher(GATEWAY, NODE, 1, 601));
    assert_eq!(over, LaneError::OverAllocation { amount: amount(601), allocated: amount(600) }.into());
    // The gateway signs for three times what its viewer acknowledges: it pays the difference itself.
    world.new_entry(ask.granted());
    world.new_entry(ask.receipt(0, 0, Usage { bytes: 100, ms: 0 }));
    world.new_entry(voucher(GATEWAY, NODE, 300, 250));
    let settlement = world.settle();
    assert_eq!((settlement.gateways[0].disputed, settlement.carriers[0].counted), (200, 100));
    assert_eq!(world.ledger.balances().of(Account::Earned(key(NODE))), 250);
    assert_eq!(world.ledger.balances().of(Account::Funds(key(GATEWAY))), 750);
    assert_eq!(world.ledger.balances().of(Account::Funds(key(VIEWER))), 900);
}

#[test]
fn parties_are_paid_once_and_by_one_way() {
    let (mut world, ask) = funded();
    world.new_entry(ask.granted());
    world.new_entry(ask.receipt(0, 0, Usage { bytes: 500, ms: 0 }));
    world.settle();
    assert_eq!(world.ledger.balances().of(Account::Earned(key(1))), 300);
    assert!(matches!(refused(&mut world, claim(1, 301, Rail::Bank)), ApplyError::Overdrawn(_)));
    world.new_entry(claim(1, 100, Rail::Bank));
    assert_eq!(world.apply(claim(1, 100, Rail::Bank)).unwrap(), Applied::Known);
    let again = refused(&mut world, claim(1, 100, Rail::Voucher));
    assert_eq!(again, ClaimError::NothingNew { claimed: amount(100), paid: amount(100) }.into());
    assert_eq!(
        refused(&mut world, claim(1, 200, Rail::Contract)),
        ClaimError::Rail { rail: Rail::Contract }.into()
    );

    let payee = |address, seq| {
        let address = PayoutAddress::from_bytes([address; 20]);
        What::Payee(signed(1, Payee { address, issued: NOW, seq: Sequence::new(seq) }))
    };
    world.new_entry(payee(7, 1));
    assert_eq!(world.apply(payee(7, 1)).unwrap(), Applied::Known);
    for stale in [payee(8, 1), payee(8, 0)] {
        assert_eq!(refused(&mut world, stale), ClaimError::Stale.into());
    }
    assert_eq!(refused(&mut world, claim(1, 200, Rail::Bank)), ClaimError::Rail { rail: Rail::Bank }.into());
    world.new_entry(claim(1, 150, Rail::Contract));
    let settlement = world.settle();
    let payout = settlement.payouts[0];
    assert_eq!(
        (settlement.payouts.len(), payout.party, payout.cumulative),
        (1, key(1), 200),
        "what the bank paid is not owed"
    );
    let tree = PayoutTree::new(settlement.payouts);
    assert_eq!(tree.root(), settlement.summary.payouts.root);
    assert!(payout.verify(&tree.proof(&key(1)).unwrap().1, &tree.root()));
}

#[test]
fn a_payment_that_comes_back_can_be_claimed_anew() {
    let (mut world, ask) = funded();
    world.new_entry(ask.granted());
    world.new_entry(ask.receipt(0, 0, Usage { bytes: 500, ms: 0 }));
    world.settle();
    let What::Claim(record) = claim(1, 100, Rail::Bank) else { panic!() };
    world.new_entry(What::Claim(record.clone()));
    let reversal =
        Reversal { entry: record.name(), reason: Remark::new("no such account").unwrap(), issued: NOW };
    world.new_entry(What::Reversal(signed(ISSUER, reversal)));
    assert_eq!(world.ledger.paid(&key(1)), amount(0));
    assert_eq!(world.apply(What::Claim(record)).unwrap(), Applied::Known);
    world.new_entry(claim(1, 300, Rail::Bank));
    assert_eq!(world.ledger.balances().of(Account::Earned(key(1))), 0);
}

#[test]
fn epochs_are_settled_in_order_as_the_journal_says() {
    let (mut world, ask) = funded();
    world.new_entry(ask.granted());
    let stale = world.ledger.settlement().summary;
    let reason = Remark::new("not me").unwrap();
    let subject = protocol::Digest::of(b"line");
    let dispute = Dispute { amount: amount(0), party: key(1), reason, subject, issued: NOW };
    world.new_entry(What::Dispute(signed(2, dispute.clone())));
    assert_eq!(world.apply(What::Dispute(signed(2, dispute))).unwrap(), Applied::Known);
    let error = refused(&mut world, What::Settlement(Box::new(stale.clone())));
    assert_eq!(error, SettleError::Differs { epoch: Epoch::new(1) }.into(), "the journal has gone on");
    let mut skipping = stale;
    skipping.epoch = Epoch::new(2);
    assert!(matches!(
        refused(&mut world, What::Settlement(Box::new(skipping))),
        ApplyError::Settle(SettleError::Order { .. })
    ));
    let first = world.settle();
    assert_eq!((first.summary.disputes.count, first.summary.previous), (1, None));
    let second = world.settle();
    assert_eq!(second.summary.previous, world.ledger.settled(Epoch::new(1)));
    assert_eq!((second.summary.disputes.count, second.transaction), (0, None));
    assert!(matches!(refused(&mut world, ask.receipt(0, 0, Usage::default())), ApplyError::Receipt(_)));
    assert_eq!(
        world.ledger.balances().of(Account::Funds(key(VIEWER))),
        1000,
        "what was not watched is not paid"
    );
}

#[test]
fn two_writers_do_not_both_append() {
    let (mut world, _) = funded();
    let head = world.journal.head();
    assert!(world.journal.append_if(head, vec![1]).is_ok());
    assert!(world.journal.append_if(head, vec![2]).is_err());
    assert_eq!(world.journal.read(3).collect::<Vec<_>>(), [&[1]]);
}

#[test]
fn deposits_are_signed_by_both_sides() {
    let mut world = World::new();
    let What::Deposit(deposited) = deposit(VIEWER, 700, 1) else { panic!() };
    let record = deposited.deposit.clone();
    let invented = refused(&mut world, world::deposited(VIEWER, record.clone()));
    assert_eq!(invented, PaymentError::NotTheLedger { by: key(VIEWER) }.into());
    let What::Deposit(other) = deposit(VIEWER, 701, 1) else { panic!() };
    let name = other.deposit.name();
    let borrowed = Deposited { acceptance: other.acceptance, deposit: record };
    let error = refused(&mut world, What::Deposit(Box::new(borrowed)));
    assert_eq!(error, PaymentError::OtherAccepted { name }.into());
    assert_eq!(world.ledger.balances().iter().count(), 0);
    world.new_entry(What::Deposit(deposited));
    assert_eq!(refused(&mut world, deposit(VIEWER, 701, 1)), ApplyError::Conflict("a deposit"));
}

/// Who has a receipt can show that it was counted, and nobody can show that of another one.
#[test]
fn counted_receipts_are_proved() {
    let (mut world, ask) = funded();
    world.new_entry(ask.granted());
    for stream in [0, 2, 5] {
        world.new_entry(ask.receipt(stream, 3, Usage { bytes: 9, ms: 0 }));
    }
    let settlement = world.settle();
    let root = settlement.summary.receipts;
    let What::Receipt(record) = ask.receipt(2, 3, Usage { bytes: 9, ms: 0 }) else { panic!() };
    let receipt = *record.body();
    let (counted, proof) = settlement.acknowledged(receipt.serial, receipt.stream).unwrap();
    assert!(counted.covers(&receipt) && root.has(&counted, &proof));
    let later = DeliveryReceipt { seq: Sequence::new(4), ..receipt };
    assert!(!counted.covers(&later));
    assert!(!root.has(&Acknowledged { seq: later.seq, ..counted }, &proof));
    assert_eq!(settlement.acknowledged(receipt.serial, StreamNumber::try_from(1).unwrap()), None);
}

/// Strangers, whose keys are free to make, take no place of whoever is known, and nobody one of the ledger's own.
#[test]
fn no_crowd_of_disputes_stands_in_the_way_of_anybody_known() {
    let (mut world, ask) = funded();
    world.new_entry(ask.granted());
    world.new_entry(ask.receipt(0, 0, Usage { bytes: 500, ms: 0 }));
    world.settle();
    let dispute = |by: u8, number: usize| {
        let (reason, issued) = (Remark::new("never watched").unwrap(), UnixSeconds::new(number as u64));
        let subject = protocol::Digest::of(b"line");
        signed(by, Dispute { amount: amount(200), party: key(1), reason, subject, issued })
    };
    // A grant over nothing costs nothing: it makes nobody known.
    let free = Ask { viewer: 90, charge: 0, limit: Usage::default(), epoch: 2, ..ask };
    world.new_entry(free.granted());
    for number in 0..DISPUTES_OF_STRANGERS_MAX {
        let by = [90, 91][number % 2];
        world.new_entry(What::Dispute(dispute(by, number)));
    }
    for by in [90, 91, 92] {
        let error = refused(&mut world, What::Dispute(dispute(by, DISPUTES_OF_STRANGERS_MAX)));
        assert_eq!(error, ApplyError::TooManyDisputes { most: DISPUTES_OF_STRANGERS_MAX });
    }
    for number in 0..DISPUTES_OF_KEY_MAX {
        world.new_entry(What::Dispute(dispute(VIEWER, number)));
    }
    let error = refused(&mut world, What::Dispute(dispute(VIEWER, DISPUTES_OF_KEY_MAX)));
    assert_eq!(error, ApplyError::TooManyDisputes { most: DISPUTES_OF_KEY_MAX });
    let of_party = dispute(2, 0);
    world.new_entry(What::Dispute(of_party.clone()));
    let hold = Hold { amount: amount(200), dispute: of_party.name(), issued: NOW };
    let hold = signed(ISSUER, hold);
    world.new_entry(What::Hold(hold.clone()));
    let resolution = Resolution { given: amount(50), hold: hold.name(), issued: NOW };
    world.new_entry(What::Resolution(signed(ISSUER, resolution)));
    world.settle();
    world.new_entry(What::Dispute(dispute(92, 0)));
}

/// All that one has made known have places together, and take none of that one's: nobody makes a crowd with keys of their own.
#[test]
fn keys_that_one_has_made_known_share_places() {
    let mut world = World::new();
    world.deposit(1, 5);
    for (content, other) in [(1, 2), (2, 3), (3, 4)] {
        world.register(&Title { content, parties: &[(1, 500_000), (other, 500_000)], ..Title::default() });
    }
    for number in 0..DISPUTES_OF_KEY_MAX {
        let by = [2, 3, 4][number % 3];
        assert_eq!(world.ledger.known_by(&key(by)), Some(KnownBy::Introducer(key(1))));
        world.new_entry(What::Dispute(dispute(by, 9, 0, number as u64)));
    }
    for by in 2..=4 {
        let error = refused(&mut world, What::Dispute(dispute(by, 9, 0, 1000)));
        assert_eq!(error, ApplyError::TooManyDisputes { most: DISPUTES_OF_KEY_MAX });
    }
    world.new_entry(What::Dispute(dispute(1, 9, 0, 1000)));
    world.deposit(3, 5);
    world.new_entry(What::Dispute(dispute(3, 9, 0, 1000)));
}

fn dispute(by: u8, party: u8, micro: u64, issued: u64) -> Signed<Dispute> {
    let (reason, subject) = (Remark::new("not the author").unwrap(), protocol::Digest::of(b"line"));
    let issued = UnixSeconds::new(issued);
    signed(by, Dispute { amount: amount(micro), issued, party: key(party), reason, subject })
}

fn hold(micro: u64, dispute: &Signed<Dispute>) -> Signed<Hold> {
    signed(ISSUER, Hold { amount: amount(micro), dispute: dispute.name(), issued: NOW })
}

/// What is disputed is kept back, by the ledger and for a time, and goes where it says in the end.
#[test]
fn disputed_money_is_held_until_it_is_resolved() {
    let (mut world, ask) = funded();
    world.new_entry(ask.granted());
    world.new_entry(ask.receipt(0, 0, Usage { bytes: 500, ms: 0 }));
    world.settle();
    let disputed = dispute(VIEWER, 1, 400, 0);
    let name = disputed.name();
    let early = refused(&mut world, What::Hold(hold(200, &disputed)));
    assert_eq!(early, HoldError::NoDispute { dispute: name }.into());
    world.new_entry(What::Dispute(disputed.clone()));
    let by_another = signed(VIEWER, *hold(200, &disputed).body());
    let by_another = refused(&mut world, What::Hold(by_another));
    assert_eq!(by_another, PaymentError::NotTheLedger { by: key(VIEWER) }.into());
    let earned = refused(&mut world, What::Hold(hold(301, &disputed)));
    assert!(matches!(earned, ApplyError::Overdrawn(_)), "it has earned 300");
    let [first, second] = [200, 60].map(|micro| hold(micro, &disputed));
    for hold in [&first, &second] {
        world.new_entry(What::Hold(hold.clone()));
        assert_eq!(world.apply(What::Hold(hold.clone())).unwrap(), Applied::Known);
    }
    let more = refused(&mut world, What::Hold(hold(141, &disputed)));
    let expected = HoldError::MoreThanDisputed { amount: amount(141), disputed: amount(400) };
    assert_eq!(more, expected.into(), "260 of 400 are held");
    assert!(matches!(refused(&mut world, claim(1, 41, Rail::Bank)), ApplyError::Overdrawn(_)));

    let resolution = |given| Resolution { given: amount(given), hold: first.name(), issued: NOW };
    let more = refused(&mut world, What::Resolution(signed(ISSUER, resolution(201))));
    assert_eq!(more, HoldError::TooMuch { given: amount(201), held: amount(200) }.into());
    let by_party = refused(&mut world, What::Resolution(signed(1, resolution(0))));
    assert_eq!(by_party, PaymentError::NotTheLedger { by: key(1) }.into());
    world.new_entry(What::Resolution(signed(ISSUER, resolution(150))));
    assert_eq!(world.apply(What::Resolution(signed(ISSUER, resolution(0)))).unwrap(), Applied::Known);
    let balances = world.ledger.balances();
    assert_eq!(balances.of(Account::Funds(key(VIEWER))), 650);
    assert_eq!((balances.of(Account::Earned(key(1))), balances.of(Account::Held(key(1)))), (90, 60));

    assert_eq!(world.settle().summary.disputes.count, 4);
    for _ in 1..HOLD_EPOCHS_MAX {
        assert_eq!(world.ledger.balances().of(Account::Held(key(1))), 60);
        world.settle();
    }
    assert_eq!(world.ledger.balances().of(Account::Earned(key(1))), 150, "what is not resolved comes free");
}

/// Money is held for somebody else who has some here, of whom they say, and not again and again.
#[test]
fn nobody_is_kept_from_their_money_by_invented_disputes() {
    let (mut world, ask) = funded();
    world.new_entry(ask.granted());
    world.new_entry(ask.receipt(0, 0, Usage { bytes: 500, ms: 0 }));
    world.settle();
    let refused_for = |world: &mut World, by: u8| {
        let disputed = dispute(by, 1, 300, 0);
        world.new_entry(What::Dispute(disputed.clone()));
        refused(world, What::Hold(hold(100, &disputed)))
    };
    for by in [1, ISSUER, TREASURY] {
        assert_eq!(refused_for(&mut world, by), HoldError::OwnDispute { by: key(by) }.into());
    }
    assert_eq!(refused_for(&mut world, 99), HoldError::Stranger { by: key(99) }.into(), "a fresh key");

    // One after the other, each epoch anew: what is held comes free with the first of them.
    let mut held_in = Vec::new();
    for epoch in 0..10 {
        let disputed = dispute(VIEWER, 1, 300, epoch);
        world.new_entry(What::Dispute(disputed.clone()));
        if let Ok(Applied::New(_)) = world.apply(What::Hold(hold(10, &disputed))) {
            held_in.push(epoch);
        }
        world.settle();
        assert_eq!(world.ledger.balances().of(Account::Held(key(1))) > 0, [0, 1, 2, 8, 9].contains(&epoch));
    }
    assert_eq!(held_in, [0, 1, 2, 3, 8, 9]);
}
