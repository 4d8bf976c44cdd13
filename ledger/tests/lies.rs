//! A ledger that lies, and what convicts it: its own signatures, and its own lists.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod granted;
mod world;

use granted::{GATEWAY, VIEWER, begin, bytes};
use ledger::tlog::{
    AddCheckpoint, Checkpoint, Frontier, KeyKind, KeyName, NotCosigned, SignedNote, VerifierKey, Witnessed,
};
use ledger::{
    Line, LineBudget, Listed, LogEntry, NotPublished, Omission, OmissionError, Published, Settlement,
    Shortfall, ShortfallError, What,
};
use protocol::{DeliveryReceipt, Promise, Sequence, SessionGrant, Signed};
use world::{Ask, ISSUER, NETWORK, NOW, key, secret};

/// What the log shows of a settlement.
fn published(settlement: &Settlement) -> Published {
    Published::of(settlement.log_entries()).unwrap()
}

/// That a settlement leaves out a receipt which the ledger has promised to count.
fn omission(
    ask: &Ask,
    receipt: &Signed<DeliveryReceipt>,
    promise: Promise,
    settlement: &Settlement,
) -> Omission {
    Omission {
        grant: Signed::sign(&secret(ISSUER), &NETWORK, ask.grant()),
        promise: Signed::sign(&secret(ISSUER), &NETWORK, promise),
        receipt: receipt.clone(),
        summary: settlement.summary.clone(),
        beside: Some(settlement.neighbours(ask.serial(), receipt.body().stream)),
    }
}

/// A ledger that takes a canary's receipt, promises to count it and leaves it out signs the proof against itself.
#[test]
fn a_ledger_that_forgets_a_receipt_is_found_out() {
    let (mut world, ask) = begin();
    let others: Vec<Ask> = (1..6).map(|number| Ask { number, charge: 1, limit: bytes(1), ..ask }).collect();
    for other in &others {
        world.new_entry(other.granted());
        world.new_entry(other.receipt(0, 1, bytes(1)));
    }
    world.new_entry(ask.receipt(3, 1, bytes(10)));
    let canary = ask.receipt(3, 2, bytes(100));
    let mut honest = world.clone();
    honest.new_entry(canary.clone());
    let (honest, forgetful) = (honest.settle(), world.settle());

    let What::Receipt(receipt) = canary else { panic!() };
    let (serial, stream) = (ask.serial(), receipt.body().stream);
    let promise = Promise { name: receipt.name(), taken: NOW, until: NOW.plus(60) };
    let proof = |settlement: &Settlement, promise: Promise| omission(&ask, &receipt, promise, settlement);
    let shown = proof(&forgetful, promise);
    shown.verify(&key(ISSUER)).unwrap();
    assert_eq!(Omission::decode(&shown.encode(), &NETWORK).unwrap(), shown);
    assert!(matches!(shown.verify(&key(GATEWAY)), Err(OmissionError::Unrelated)));

    let counted = honest.acknowledged(serial, stream).unwrap();
    assert!(counted.0.covers(receipt.body()) && honest.summary.receipts.has(&counted.0, &counted.1));
    assert!(matches!(proof(&honest, promise).verify(&key(ISSUER)), Err(OmissionError::NotMissing)));
    let mut hidden = proof(&honest, promise);
    hidden.beside.as_mut().unwrap().before = None;
    assert!(
        matches!(hidden.verify(&key(ISSUER)), Err(OmissionError::NotMissing)),
        "what is there cannot be hidden"
    );
    let other = Promise { name: shown.grant.name(), ..promise };
    assert!(matches!(proof(&forgetful, other).verify(&key(ISSUER)), Err(OmissionError::Unrelated)));
    let elsewhere = SessionGrant { epoch: protocol::Epoch::new(2), ..ask.grant() };
    let mut of_another_epoch = shown.clone();
    of_another_epoch.grant = Signed::sign(&secret(ISSUER), &NETWORK, elsewhere);
    assert!(matches!(of_another_epoch.verify(&key(ISSUER)), Err(OmissionError::Unrelated)));
}

/// A stream of which nothing is in the list is shown to be missing wherever it belongs, and one that is there never.
#[test]
fn what_stands_beside_shows_what_is_missing() {
    let (mut world, ask) = begin();
    for stream in [2, 5, 9] {
        world.new_entry(ask.receipt(stream, 4, bytes(1)));
    }
    let settlement = world.settle();
    for stream in 0..16 {
        let What::Receipt(receipt) = ask.receipt(stream, 4, bytes(1)) else { panic!() };
        let promise = Promise { name: receipt.name(), taken: NOW, until: NOW };
        let omission = omission(&ask, &receipt, promise, &settlement);
        assert_eq!(omission.verify(&key(ISSUER)).is_ok(), ![2, 5, 9].contains(&stream), "stream {stream}");
        for cut in [true, false] {
            let mut other = omission.clone();
            let beside = other.beside.as_mut().unwrap();
            *(if cut { &mut beside.before } else { &mut beside.after }) = None;
            assert!(other == omission || other.verify(&key(ISSUER)).is_err(), "stream {stream}");
        }
    }
    assert_eq!(Sequence::new(4), settlement.receipts[0].seq);
}

/// A number alone covers nothing: an item with a great `seq` and little usage convicts the ledger like one that is not there.
#[test]
fn an_invented_number_hides_no_receipt() {
    let (mut world, ask) = begin();
    world.new_entry(ask.receipt(3, 9, bytes(10)));
    let settlement = world.settle();
    let What::Receipt(receipt) = ask.receipt(3, 2, bytes(100)) else { panic!() };
    let promise = Promise { name: receipt.name(), taken: NOW, until: NOW };
    let omission = omission(&ask, &receipt, promise, &settlement);
    omission.verify(&key(ISSUER)).unwrap();
}

/// A ledger that answers nobody has the list in its log still: what it has promised to count is missing there for everybody, and
/// what stands there cannot be said to be missing.
#[test]
fn a_ledger_that_shows_nothing_is_held_to_its_log() {
    let (mut world, ask) = begin();
    world.new_entry(ask.receipt(0, 1, bytes(7)));
    let canary = ask.receipt(3, 2, bytes(100));
    let mut honest = world.clone();
    honest.new_entry(canary.clone());
    let (honest, silent) = (honest.settle(), world.settle());
    let What::Receipt(receipt) = canary else { panic!() };
    let promise = Promise { name: receipt.name(), taken: NOW, until: NOW.plus(60) };
    let proof = |settlement| Omission { beside: None, ..omission(&ask, &receipt, promise, settlement) };
    let withheld = proof(&silent);
    withheld.verify_in(&key(ISSUER), &published(&silent)).unwrap();
    assert_eq!(Omission::decode(&withheld.encode(), &NETWORK).unwrap(), withheld);
    assert!(matches!(withheld.verify(&key(ISSUER)), Err(OmissionError::NothingShown)));
    let elsewhere = withheld.verify_in(&key(ISSUER), &published(&honest));
    assert!(matches!(elsewhere, Err(OmissionError::Unrelated)), "another settlement");
    let counted = proof(&honest).verify_in(&key(ISSUER), &published(&honest));
    assert!(matches!(counted, Err(OmissionError::NotMissing)));
    assert!(matches!(withheld.verify_in(&key(GATEWAY), &published(&silent)), Err(OmissionError::Unrelated)));

    // Where the list is not in the log, or is another one, everybody sees it.
    let without = honest.log_entries().filter(|entry| !matches!(entry, LogEntry::Receipts(_)));
    assert_eq!(Published::of(without), Err(NotPublished::OtherReceipts));
    let mut other = honest.clone();
    other.receipts = silent.receipts;
    assert_eq!(Published::of(other.log_entries()), Err(NotPublished::OtherReceipts));
}

/// Two grants of one viewer for a title, and one of somebody else: who has what, and the settlement of it.
fn listed() -> (Settlement, Vec<Listed>, Listed) {
    let (mut world, ask) = begin();
    world.deposit(VIEWER + 1, 1000);
    let other = |viewer, number| Ask { viewer, number, charge: 100, limit: bytes(100), ..ask };
    for other in [other(VIEWER, 1), other(VIEWER + 1, 0)] {
        world.new_entry(other.granted());
        world.new_entry(other.receipt(0, 1, bytes(40)));
    }
    for stream in [0, 5] {
        world.new_entry(ask.receipt(stream, 1, bytes(300)));
    }
    let settlement = world.settle();
    let listed = |ask: &Ask, streams: &[u8]| {
        let number = |stream: &u8| protocol::StreamNumber::try_from(*stream).unwrap();
        let item = |stream| settlement.acknowledged(ask.serial(), number(stream)).unwrap().0;
        let grant = Signed::sign(&secret(ISSUER), &NETWORK, ask.grant());
        let What::Grant(granted) = ask.granted() else { panic!() };
        Listed { grant, request: Some(granted.request), receipts: streams.iter().map(item).collect() }
    };
    let mut grants = vec![listed(&ask, &[0, 5]), listed(&other(VIEWER, 1), &[0])];
    grants.sort_by_key(|listed| listed.grant.body().serial);
    let foreign = listed(&other(VIEWER + 1, 0), &[0]);
    (settlement, grants, foreign)
}

/// A ledger that lists what was acknowledged and counts less of it in its lines is convicted by its own lists.
#[test]
fn usage_that_is_left_out_of_a_line_is_shown() {
    let (settlement, grants, foreign) = listed();
    let unnamed = |listed: &Listed| Listed { request: None, ..listed.clone() };
    let grants: Vec<_> = grants.iter().map(unnamed).collect();
    let other = |lines: Vec<Line>| {
        let summary = ledger::Summary { lines: ledger::ListRoot::of(&lines), ..settlement.summary.clone() };
        Settlement { summary, lines, ..settlement.clone() }
    };
    let proof = |settlement: &Settlement, grants: &[Listed]| Shortfall {
        grants: grants.to_vec(),
        summary: settlement.summary.clone(),
    };
    let verify = |settlement: &Settlement, grants: &[Listed]| {
        proof(settlement, grants).verify(&key(ISSUER), &published(settlement))
    };
    assert!(
        matches!(verify(&settlement, &grants), Err(ShortfallError::NotShort { listed, plays: 2, .. }) if listed == bytes(540))
    );
    let alias = grants[0].grant.body().alias;
    let own = settlement.lines.iter().position(|line| line.alias == alias).unwrap();
    let changed = |change: &dyn Fn(&mut Line)| {
        let mut lines = settlement.lines.clone();
        change(&mut lines[own]);
        lines
    };
    let mut without = settlement.lines.clone();
    without.remove(own);
    let (less, fewer) = (changed(&|line| line.usage.bytes -= 1), changed(&|line| line.plays = 1));
    for lines in [less, fewer, without, Vec::new()] {
        let settlement = other(lines);
        let short = proof(&settlement, &grants);
        short.verify(&key(ISSUER), &published(&settlement)).unwrap();
        assert_eq!(Shortfall::decode(&short.encode(), &NETWORK).unwrap(), short);
        let of_another = short.verify(&key(GATEWAY), &published(&settlement));
        assert!(matches!(of_another, Err(ShortfallError::Unrelated)));
        let of_another = short.verify(&key(ISSUER), &published(&listed().0));
        assert!(matches!(of_another, Err(ShortfallError::Unrelated)), "another settlement");
    }
    // Nobody is convicted by what is of somebody else, or is said twice.
    let mut streams = grants[..1].to_vec();
    streams[0].receipts = vec![streams[0].receipts[0]; 2];
    let twice = vec![grants[0].clone(), grants[0].clone()];
    let mut beside = vec![grants[0].clone(), unnamed(&foreign)];
    beside.sort_by_key(|listed| listed.grant.body().serial);
    let mut of_foreign = grants[..1].to_vec();
    of_foreign[0].receipts = foreign.receipts;
    for grants in [streams, twice, beside, of_foreign, Vec::new()] {
        assert!(matches!(verify(&settlement, &grants), Err(ShortfallError::Unrelated)));
    }
}

/// Whoever has asked to pay for themselves and is counted under the budget of somebody else shows it by what they have asked for;
/// and a shortfall in more lines than any proof could carry is shown like every other one.
#[test]
fn lines_of_a_budget_do_not_stand_for_what_somebody_pays_for() {
    let (settlement, grants, _) = listed();
    let alias = grants[0].grant.body().alias;
    let own = settlement.lines.iter().position(|line| line.alias == alias).unwrap();
    let moved = |pools: u64| {
        let line = settlement.lines[own];
        let of_pool = |number: u64| {
            let name = protocol::Digest::of(&number.to_be_bytes());
            let pool = ledger::Pool { name, amount: line.paid, each: line.paid, viewers: 2 };
            let usage = if number == 0 { line.usage } else { bytes(0) };
            Line { budget: Some(LineBudget { pool: Some(pool), whole: false }), usage, ..line }
        };
        let mut lines = settlement.lines.clone();
        let mut pooled: Vec<_> = (0..pools).map(of_pool).collect();
        pooled.sort_by_key(|line| line.budget);
        lines.splice(own..=own, pooled);
        let summary = ledger::Summary { lines: ledger::ListRoot::of(&lines), ..settlement.summary.clone() };
        Settlement { summary, lines, ..settlement.clone() }
    };
    let unnamed = |listed: &Listed| Listed { request: None, ..listed.clone() };
    for pools in [1, 3000] {
        let settlement = moved(pools);
        let published = published(&settlement);
        let proof = |grants: Vec<Listed>| Shortfall { grants, summary: settlement.summary.clone() };
        let joint = proof(grants.iter().map(unnamed).collect()).verify(&key(ISSUER), &published);
        assert!(matches!(joint, Err(ShortfallError::NotShort { .. })), "the lines together have it");
        let by_request = proof(grants.clone());
        by_request.verify(&key(ISSUER), &published).unwrap();
        assert_eq!(Shortfall::decode(&by_request.encode(), &NETWORK).unwrap(), by_request);
        let half = proof(vec![unnamed(&grants[0]), grants[1].clone()]);
        assert!(matches!(half.verify(&key(ISSUER), &published), Err(ShortfallError::Unrelated)));
        let mut exchanged = grants.clone();
        exchanged[0].request.clone_from(&grants[1].request);
        let exchanged = proof(exchanged).verify(&key(ISSUER), &published);
        assert!(matches!(exchanged, Err(ShortfallError::Unrelated)), "the request for another grant");
    }
    let honest = Shortfall { grants, summary: settlement.summary.clone() };
    let honest = honest.verify(&key(ISSUER), &published(&settlement));
    assert!(matches!(honest, Err(ShortfallError::NotShort { .. })));
}

/// Two readers are shown two logs of the same size; the witness has cosigned one of them, and tells of the other one.
#[test]
fn a_forked_log_is_not_cosigned() {
    let origin = KeyName::new("ledger.example/log").unwrap();
    let logs = [VerifierKey::new(origin.clone(), KeyKind::Plain, key(ISSUER))];
    let request = |entries: &[&str]| {
        let mut frontier = Frontier::default();
        for entry in entries {
            frontier.push(entry.as_bytes());
        }
        let checkpoint = Checkpoint { origin: origin.clone(), size: frontier.size(), root: frontier.root() };
        let mut note = SignedNote::new(checkpoint.to_text()).unwrap();
        note.sign(&origin, &secret(ISSUER));
        AddCheckpoint { old: 0, proof: Vec::new(), checkpoint: note }
    };
    let known =
        request(&["one", "two"]).admit(&logs).unwrap().after(Witnessed::nothing()).unwrap().witnessed();
    let forked = AddCheckpoint { old: 2, ..request(&["one", "too"]) }.admit(&logs).unwrap();
    assert_eq!(forked.after(known), Err(NotCosigned::Conflict { size: 2 }));
}
