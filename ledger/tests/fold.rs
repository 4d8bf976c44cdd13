//! What the ledger refuses, and that it is then as it was; what it takes, case by case.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ledger::{
    Account, Acknowledged, Applied, ApplyError, ClaimError, Deposited, Dispute, Entry, GrantError, Granted,
    HOLD_EPOCHS_MAX, Hold, HoldError, LaneError, PageRelease, Payee, PaymentError, PayoutAddress,
    PayoutClaim, PayoutTree, Rail, ReceiptError, RegisterError, Remark, Resolution, Reversal, SettleError,
    What,
};
use protocol::{AgreementId, DeliveryReceipt, Epoch, Record, Sequence, Signed, StreamNumber, Usage};
use world::{
    Ask, ISSUER, NETWORK, NOW, Title, World, agreed, allocation, amount, budget, deposit, key, ppm, secret,
    voucher, wealth,
};

/// Whether a grant was refused for the right reason.
type Expected = fn(&GrantError) -> bool;

const VIEWER: u8 = 10;
const GATEWAY: u8 = 30;
const NODE: u8 = 40;

fn signed<T: Record>(seed: u8, body: T) -> Signed<T> {
    Signed::sign(&secret(seed), &NETWORK, body)
}

/// Refused, for this reason, and nothing has changed.
fn refused(world: &mut World, what: What) -> ApplyError {
    let before = world.ledger.clone();
    let error = world.apply(what).unwrap_err();
    assert_eq!(world.ledger, before, "{error}");
    error
}

fn ask(agreement: AgreementId) -> Ask {
    let limit = Usage { bytes: 500, ms: 1000 };
    Ask { viewer: VIEWER, agreement, gateway: GATEWAY, budget: None, charge: 500, limit, epoch: 1, number: 0 }
}

fn funded() -> (World, Ask) {
    let mut world = World::new();
    let agreement = world.register(&Title { parties: &[(1, 600_000), (2, 400_000)], ..Title::default() });
    world.deposit(VIEWER, 1000);
    world.deposit(GATEWAY, 1000);
    (world, ask(agreement))
}

fn claim(seed: u8, cumulative: u64, rail: Rail) -> What {
    What::Claim(signed(seed, PayoutClaim { cumulative: amount(cumulative), rail, remark: None, issued: NOW }))
}

#[test]
fn agreements_need_everybody() {
    let mut world = World::new();
    let title = Title { parties: &[(1, 600_000), (2, 400_000)], ..Title::default() };
    let whole = agreed(title.parts());
    let refuse = |world: &mut World, change: &dyn Fn(&mut ledger::Agreed)| {
        let mut agreed = whole.clone();
        change(&mut agreed);
        match refused(world, What::Agreement(Box::new(agreed))) {
            ApplyError::Register(error) => error,
            other => panic!("{other}"),
        }
    };
    let missing = refuse(&mut world, &|agreed| agreed.consents.truncate(1));
    assert!(matches!(missing, RegisterError::NoConsent { .. }));
    let twice = refuse(&mut world, &|agreed| agreed.consents.push(agreed.consents[0].clone()));
    assert!(matches!(twice, RegisterError::OtherConsent { .. }));
    let consent = *whole.consents[0].body();
    let stranger = refuse(&mut world, &|agreed| agreed.consents.push(signed(3, consent)));
    assert_eq!(stranger, RegisterError::OtherConsent { by: key(3) });
    let other = ledger::Consent { agreement: AgreementId::from_bytes([0; 32]), ..consent };
    let elsewhere = refuse(&mut world, &|agreed| agreed.consents[0] = signed(1, other));
    assert!(matches!(elsewhere, RegisterError::OtherConsent { .. }));
    world.register(&title);
    assert_eq!(world.apply(What::Agreement(Box::new(whole))).unwrap(), Applied::Known);
}

#[test]
fn a_version_is_superseded_by_all_who_shared_in_it() {
    let mut world = World::new();
    let title = Title { parties: &[(1, 600_000), (2, 400_000)], ..Title::default() };
    let first = world.register(&title);
    let mut parts = Title { parties: &[(1, 1_000_000)], ..Title::default() }.parts();
    parts.issued = NOW.plus(1);
    let taken = refused(&mut world, What::Agreement(Box::new(agreed(parts.clone()))));
    assert_eq!(taken, RegisterError::Taken { current: first }.into());
    parts.supersedes = Some(first);
    parts.version = 3;
    let mut next = agreed(parts.clone());
    next.consents.push(signed(2, *next.consents[0].body()));
    let skipped = refused(&mut world, What::Agreement(Box::new(next)));
    assert_eq!(skipped, RegisterError::Version { found: 3, before: 1 }.into());
    parts.version = 2;
    let mut next = agreed(parts.clone());
    let alone = refused(&mut world, What::Agreement(Box::new(next.clone())));
    assert_eq!(alone, RegisterError::NoConsent { party: key(2) }.into(), "who loses a share has to agree");
    next.consents.push(signed(2, *next.consents[0].body()));
    world.new_entry(What::Agreement(Box::new(next)));
    parts.version = 3;
    let stale = refused(&mut world, What::Agreement(Box::new(agreed(parts))));
    assert_eq!(stale, RegisterError::NotCurrent { superseded: first }.into());
    // The version that held when it was granted is the one that counts.
    world.deposit(VIEWER, 1000);
    let old = refused(&mut world, ask(first).granted());
    assert_eq!(old, GrantError::NotCurrent { agreement: first }.into());
}

#[test]
fn works_are_made_from_others_under_their_licence() {
    let mut world = World::new();
    let child = |world: &mut World, parents: &[(AgreementId, u32)], content: u8| {
        let parts = Title { content, parents, ..Title::default() }.parts();
        world.apply(What::Agreement(Box::new(agreed(parts.clone())))).map(|_| agreed(parts).agreement.id())
    };
    let unknown = AgreementId::from_bytes([1; 32]);
    let error = child(&mut world, &[(unknown, 5)], 1).unwrap_err();
    assert_eq!(error, RegisterError::NoParent { parent: unknown }.into());

    let mut parts = Title { content: 100, ..Title::default() }.parts();
    parts.secondary = None;
    let closed = agreed(parts.clone());
    parts.content = proofs::Cid::of(b"dear");
    parts.secondary = Some(ppm(300_000));
    let dear = agreed(parts);
    let [closed, dear] = [closed, dear].map(|agreed| {
        let id = agreed.agreement.id();
        world.new_entry(What::Agreement(Box::new(agreed)));
        id
    });
    assert_eq!(
        child(&mut world, &[(closed, 5)], 1).unwrap_err(),
        RegisterError::NotLicensed { parent: closed }.into()
    );
    let least = ppm(300_000);
    let error = child(&mut world, &[(dear, 299_999)], 1).unwrap_err();
    assert_eq!(error, RegisterError::TooLittle { parent: dear, given: ppm(299_999), least }.into());

    // Seven more generations, each of which keeps its share of all that follows.
    let mut line = vec![dear];
    for content in 1..8 {
        let parent = line[line.len() - 1];
        let next = child(&mut world, &[(parent, 300_000)], content).or_else(|error| {
            assert_eq!(error, RegisterError::AncestorSum.into(), "{content}");
            child(&mut world, &[(parent, 1)], content)
        });
        line.push(next.unwrap());
    }
    assert_eq!(line.len(), 8);
    assert_eq!(child(&mut world, &[(line[7], 1)], 9).unwrap_err(), RegisterError::TooDeep.into());
}

#[test]
fn deposits_are_those_that_depositors_signed() {
    let mut world = World::new();
    world.new_entry(deposit(VIEWER, 5, 1));
    assert_eq!(world.apply(deposit(VIEWER, 5, 1)).unwrap(), Applied::Known);
    assert_eq!(refused(&mut world, deposit(VIEWER, 6, 1)), ApplyError::Conflict("a deposit"));
    assert_eq!(refused(&mut world, deposit(VIEWER, 0, 2)), PaymentError::Nothing.into());
    assert!(matches!(
        refused(&mut world, deposit(VIEWER, i64::MAX.unsigned_abs(), 2)),
        ApplyError::Overdrawn(_)
    ));
    world.new_entry(deposit(VIEWER, 5, 2));
    assert_eq!(world.ledger.balances().of(Account::Funds(key(VIEWER))), 10);
    let entry = Entry { at: protocol::UnixSeconds::new(1), what: deposit(VIEWER, 5, 3) };
    assert!(matches!(world.ledger.apply(&entry), Err(ApplyError::Clock { .. })));
}

#[test]
fn reversals_name_what_they_take_back() {
    let mut world = World::new();
    let What::Deposit(deposited) = deposit(VIEWER, 700, 1) else { panic!() };
    let record = deposited.deposit.clone();
    let before = world.ledger.balances().clone();
    world.new_entry(What::Deposit(deposited.clone()));
    let reversal = Reversal { entry: record.name(), reason: Remark::new("bounced").unwrap(), issued: NOW };
    let by_another = refused(&mut world, What::Reversal(signed(VIEWER, reversal.clone())));
    assert_eq!(by_another, PaymentError::NotTheLedger { by: key(VIEWER) }.into());
    let transaction = world.new_entry(What::Reversal(signed(ISSUER, reversal.clone()))).unwrap();
    assert_eq!(transaction.postings().len(), 2);
    assert_eq!(world.ledger.balances(), &before);
    assert_eq!(world.apply(What::Reversal(signed(ISSUER, reversal.clone()))).unwrap(), Applied::Known);
    assert_eq!(
        world.apply(What::Deposit(deposited)).unwrap(),
        Applied::Known,
        "it does not come back by being said again"
    );
    let nothing = Reversal { entry: protocol::Digest::of(b""), ..reversal };
    assert!(matches!(refused(&mut world, What::Reversal(signed(ISSUER, nothing))), ApplyError::Payment(_)));
}

#[test]
fn only_the_ledger_says_which_page_is_served_and_each_once() {
    let mut world = World::new();
    let hash = protocol::Digest::of(b"page");
    let page = |issued, name| PageRelease { hash, issued, name: Remark::new(name).unwrap() };
    let by_another = refused(&mut world, What::Page(signed(VIEWER, page(NOW, "one"))));
    assert_eq!(by_another, PaymentError::NotTheLedger { by: key(VIEWER) }.into());
    assert_eq!(world.new_entry(What::Page(signed(ISSUER, page(NOW, "one")))), None, "no money moves");
    let again = What::Page(signed(ISSUER, page(NOW.plus(1), "one")));
    assert_eq!(world.apply(again).unwrap(), Applied::Known);
    assert_eq!(world.new_entry(What::Page(signed(ISSUER, page(NOW, "two")))), None);
}

/// Keys are free to make: whoever makes two that sign with each other is as unknown as before.
#[test]
fn a_key_is_known_by_money_or_by_whoever_is_known() {
    let mut world = World::new();
    let knows = |world: &World, seeds: [u8; 2]| seeds.map(|seed| world.ledger.knows(&key(seed)));
    let shared = |content, parties| Title { content, parties, ..Title::default() };
    world.register(&shared(1, &[(1, 500_000), (2, 500_000)]));
    assert_eq!(knows(&world, [1, 2]), [false, false]);
    world.deposit(1, 1000);
    world.register(&shared(2, &[(1, 500_000), (3, 500_000)]));
    assert_eq!(knows(&world, [1, 3]), [true, true]);
    assert!(!world.ledger.knows(&key(2)), "what was signed before brings nobody in");

    let title = world.register(&shared(3, &[(5, 1_000_000)]));
    let limit = Usage { bytes: 1000, ms: 0 };
    let all = Ask { viewer: 1, charge: 1000, limit, ..ask(title) };
    world.new_entry(all.granted());
    world.new_entry(all.receipt(0, 0, limit));
    world.settle();
    assert_eq!(wealth(&world, &[1]), 0);
    assert_eq!(knows(&world, [1, 5]), [true, true], "it had money once, and has some now");
}

#[test]
fn grants_are_what_viewers_ask_for_and_can_pay() {
    let (mut world, ask) = funded();
    let change = |change: &dyn Fn(&mut Granted)| {
        let What::Grant(mut granted) = ask.granted() else { panic!() };
        change(&mut granted);
        What::Grant(granted)
    };
    let body = |change: &dyn Fn(&mut protocol::SessionGrant)| {
        let mut body = ask.grant();
        change(&mut body);
        signed(ISSUER, body)
    };
    let cases: [(What, Expected); 10] = [
        (change(&|granted| granted.grant = signed(VIEWER, ask.grant())), |e| {
            matches!(e, GrantError::NotTheLedger { .. })
        }),
        (change(&|granted| granted.grant = body(&|grant| grant.charge = amount(501))), |e| {
            matches!(e, GrantError::OtherRequest { .. })
        }),
        (change(&|granted| granted.grant = body(&|grant| grant.session = key(99))), |e| {
            matches!(e, GrantError::OtherRequest { .. })
        }),
        (change(&|granted| granted.request = signed(11, *granted.request.body())), |e| {
            matches!(e, GrantError::OtherRequest { .. })
        }),
        (change(&|granted| granted.blind = ledger::Blind::from_bytes([6; 32])), |e| {
            matches!(e, GrantError::Alias { .. })
        }),
        (change(&|granted| granted.grant = body(&|grant| grant.expires = NOW)), |e| {
            matches!(e, GrantError::Time { .. })
        }),
        (change(&|granted| granted.grant = body(&|grant| grant.expires = NOW.plus(86_401))), |e| {
            matches!(e, GrantError::Time { .. })
        }),
        (Ask { limit: Usage { bytes: u64::MAX, ms: 0 }, ..ask }.granted(), |e| {
            matches!(e, GrantError::Limit { .. })
        }),
        (Ask { charge: 499, ..ask }.granted(), |e| {
            *e == GrantError::Charge { charge: amount(499), least: amount(500) }
        }),
        (Ask { gateway: VIEWER, ..ask }.granted(), |e| matches!(e, GrantError::Roles)),
    ];
    for (at, (what, expected)) in cases.into_iter().enumerate() {
        let error = refused(&mut world, what);
        assert!(matches!(&error, ApplyError::Grant(error) if expected(error)), "{at}: {error}");
    }
    assert!(matches!(refused(&mut world, Ask { charge: 1001, ..ask }.granted()), ApplyError::Overdrawn(_)));
    for epoch in [0, 5] {
        assert!(matches!(refused(&mut world, Ask { epoch, ..ask }.granted()), ApplyError::NotOpen { .. }));
    }
    let (name, what) = budget(20, 100, 100, Some(11), false);
    world.deposit(20, 100);
    world.new_entry(what);
    let of_another = Ask { budget: Some(name), ..ask };
    assert_eq!(refused(&mut world, of_another.granted()), GrantError::NoBudget.into());
    let for_whom = Ask { viewer: 11, number: 9, charge: 0, ..of_another };
    assert_eq!(world.new_entry(for_whom.granted()), None, "a budget pays, whatever the grant sets aside");
    world.new_entry(ask.granted());
    world.new_entry(Ask { number: 1, ..ask }.granted());
    let overdrawn =
        refused(&mut world, Ask { number: 2, charge: 1, limit: Usage { bytes: 1, ms: 0 }, ..ask }.granted());
    assert!(matches!(overdrawn, ApplyError::Overdrawn(_)), "all funds are set aside");
    assert_eq!(world.apply(ask.granted()).unwrap(), Applied::Known);
}

#[test]
fn receipts_are_signed_by_the_session_within_its_limit() {
    let (mut world, ask) = funded();
    let usage = Usage { bytes: 10, ms: 0 };
    let serial = ask.serial();
    assert_eq!(refused(&mut world, ask.receipt(0, 0, usage)), ReceiptError::NoGrant { serial }.into());
    world.new_entry(ask.granted());
    let What::Receipt(record) = ask.receipt(0, 0, usage) else { panic!() };
    for by in [VIEWER, GATEWAY, ISSUER] {
        let error = refused(&mut world, What::Receipt(signed(by, *record.body())));
        assert_eq!(error, ReceiptError::NotTheSession { serial, by: key(by) }.into());
    }
    let over = refused(&mut world, ask.receipt(0, 0, Usage { bytes: 501, ms: 0 }));
    assert!(matches!(over, ApplyError::Receipt(ReceiptError::OverLimit { .. })));
    let late = Entry { at: NOW.plus(3600 + 86_400), what: What::Receipt(record) };
    assert!(matches!(world.ledger.apply(&late), Err(ApplyError::Receipt(ReceiptError::Time { .. }))));

    world.new_entry(ask.receipt(0, 7, Usage { bytes: 300, ms: 5 }));
    world.new_entry(ask.receipt(1, 0, Usage { bytes: 100, ms: 9 }));
    assert_eq!(
        world.apply(ask.receipt(0, 6, Usage { bytes: 250, ms: 5 })).unwrap(),
        Applied::Known,
        "an older one"
    );
    assert_eq!(world.ledger.usage(&serial).unwrap(), (Usage { bytes: 400, ms: 14 }, amount(400)));
    world.new_entry(ask.receipt(2, 0, Usage { bytes: 450, ms: 9 }));
    let most = (Usage { bytes: 500, ms: 23 }, amount(500));
    assert_eq!(world.ledger.usage(&serial).unwrap(), most, "two tabs have one limit");
}

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
    let dispute = Dispute { reason, subject: protocol::Digest::of(b"line"), issued: NOW };
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

/// What is disputed is kept back, by the ledger and for a time, and goes where it says in the end.
#[test]
fn disputed_money_is_held_until_it_is_resolved() {
    let (mut world, ask) = funded();
    world.new_entry(ask.granted());
    world.new_entry(ask.receipt(0, 0, Usage { bytes: 500, ms: 0 }));
    world.settle();
    let reason = Remark::new("not the author").unwrap();
    let dispute = signed(VIEWER, Dispute { reason, subject: protocol::Digest::of(b"line"), issued: NOW });
    let hold = |micro, dispute| Hold { amount: amount(micro), dispute, issued: NOW, party: key(1) };
    let early = refused(&mut world, What::Hold(signed(ISSUER, hold(200, dispute.name()))));
    assert_eq!(early, HoldError::NoDispute { dispute: dispute.name() }.into());
    world.new_entry(What::Dispute(dispute.clone()));
    let by_another = refused(&mut world, What::Hold(signed(VIEWER, hold(200, dispute.name()))));
    assert_eq!(by_another, PaymentError::NotTheLedger { by: key(VIEWER) }.into());
    assert!(matches!(
        refused(&mut world, What::Hold(signed(ISSUER, hold(301, dispute.name())))),
        ApplyError::Overdrawn(_)
    ));
    let [first, second] = [200, 60].map(|micro| signed(ISSUER, hold(micro, dispute.name())));
    for hold in [&first, &second] {
        world.new_entry(What::Hold(hold.clone()));
        assert_eq!(world.apply(What::Hold(hold.clone())).unwrap(), Applied::Known);
    }
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
    let own = signed(
        1,
        Dispute { reason: Remark::new("mine").unwrap(), subject: protocol::Digest::of(b""), issued: NOW },
    );
    world.new_entry(What::Dispute(own.clone()));
    let error = refused(&mut world, What::Hold(signed(ISSUER, hold(1, own.name()))));
    assert_eq!(error, HoldError::OwnDispute { by: key(1) }.into());
}
