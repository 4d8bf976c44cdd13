//! What the ledger refuses, and that it is then as it was; what it takes, case by case: agreements, deposits, grants, receipts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod case;
mod world;

use case::{GATEWAY, VIEWER, ask, funded, refused, signed};
use ledger::{
    Account, Applied, ApplyError, Attestation, AttestedKind, Commitment, Entry, GrantError, Granted, Nonce,
    PageRelease, PaymentError, ReceiptError, RegisterError, Remark, Reversal, What,
};
use protocol::{AgreementId, Usage};
use world::{Ask, ISSUER, NOW, Title, World, agreed, amount, budget, deposit, key, ppm, wealth};

/// Whether a grant was refused for the right reason.
type Expected = fn(&GrantError) -> bool;

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

#[test]
fn anybody_attests_and_the_same_record_once() {
    let mut world = World::new();
    let commitment = Commitment::to(b"a document", &Nonce::from_bytes([7; 32]));
    let attested = |issued| Attestation { commitment, issued, kind: AttestedKind::Credential };
    assert_eq!(world.new_entry(What::Attestation(signed(VIEWER, attested(NOW)))), None, "no money moves");
    let again = What::Attestation(signed(VIEWER, attested(NOW)));
    assert_eq!(world.apply(again).unwrap(), Applied::Known);
    assert_eq!(world.new_entry(What::Attestation(signed(VIEWER, attested(NOW.plus(1))))), None);
    assert_eq!(world.new_entry(What::Attestation(signed(GATEWAY, attested(NOW)))), None);
    assert!(world.ledger.known_by(&key(VIEWER)).is_none(), "it costs nothing, and makes nobody known");
}

/// Keys are free to make: whoever makes two that sign with each other is as unknown as before.
#[test]
fn a_key_is_known_by_money_or_by_whoever_is_known() {
    let mut world = World::new();
    let knows = |world: &World, seeds: [u8; 2]| seeds.map(|seed| world.ledger.known_by(&key(seed)).is_some());
    let shared = |content, parties| Title { content, parties, ..Title::default() };
    world.register(&shared(1, &[(1, 500_000), (2, 500_000)]));
    assert_eq!(knows(&world, [1, 2]), [false, false]);
    world.deposit(1, 1000);
    world.register(&shared(2, &[(1, 500_000), (3, 500_000)]));
    assert_eq!(knows(&world, [1, 3]), [true, true]);
    assert!(world.ledger.known_by(&key(2)).is_none(), "what was signed before brings nobody in");
    world.register(&shared(4, &[(3, 500_000), (6, 500_000)]));
    assert!(world.ledger.known_by(&key(6)).is_none(), "who was brought in and has no money brings nobody in");

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
    let (name, what) = budget(20, 700, 700, &[11], false);
    world.deposit(20, 700);
    world.new_entry(what);
    let of_another = Ask { budget: Some(name), ..ask };
    assert_eq!(refused(&mut world, of_another.granted()), GrantError::NoBudget.into());
    let for_whom = Ask { viewer: 11, number: 9, ..of_another };
    let free = GrantError::Charge { charge: amount(0), least: amount(500) };
    assert_eq!(refused(&mut world, Ask { charge: 0, ..for_whom }.granted()), free.into());
    assert_eq!(world.new_entry(for_whom.granted()), None, "a budget pays, which is set aside already");
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
    let known = |world: &World| {
        let sessions = world.ledger.sessions_of(&key(VIEWER));
        (sessions[0].0.serial, sessions[0].1, sessions[0].2)
    };
    assert_eq!(known(&world), (serial, Usage { bytes: 400, ms: 14 }, amount(400)));
    world.new_entry(ask.receipt(2, 0, Usage { bytes: 450, ms: 9 }));
    let most = (serial, Usage { bytes: 500, ms: 23 }, amount(500));
    assert_eq!(known(&world), most, "two tabs have one limit");
}
