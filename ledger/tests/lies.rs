//! A ledger that lies, and what convicts it: its own signatures, and its own lists.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod granted;
mod world;

use granted::{GATEWAY, VIEWER, begin, bytes};
use ledger::tlog::{
    AddCheckpoint, Checkpoint, Frontier, KeyKind, KeyName, NotCosigned, SignedNote, VerifierKey, Witnessed,
};
use ledger::{Line, Omission, OmissionError, Settlement, Shortfall, ShortfallError, Shown, What};
use protocol::{DeliveryReceipt, Promise, Sequence, SessionGrant, Signed};
use world::{Ask, ISSUER, NETWORK, NOW, key, secret};

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
        beside: settlement.neighbours(ask.serial(), receipt.body().stream),
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
    hidden.beside.before = None;
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
            *(if cut { &mut other.beside.before } else { &mut other.beside.after }) = None;
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

/// A ledger that lists what was acknowledged and counts less of it in its lines is convicted by its own lists.
#[test]
fn usage_that_is_left_out_of_a_line_is_shown() {
    let (mut world, ask) = begin();
    world.deposit(VIEWER + 1, 1000);
    for (viewer, number) in [(VIEWER, 1), (VIEWER + 1, 0)] {
        let other = Ask { viewer, number, charge: 100, limit: bytes(100), ..ask };
        world.new_entry(other.granted());
        world.new_entry(other.receipt(0, 1, bytes(40)));
    }
    for stream in [0, 5] {
        world.new_entry(ask.receipt(stream, 1, bytes(300)));
    }
    let settlement = world.settle();
    let second = Ask { number: 1, charge: 100, limit: bytes(100), ..ask };
    let shown = |settlement: &Settlement, ask: &Ask, streams: &[u8]| {
        let number = |stream: &u8| protocol::StreamNumber::try_from(*stream).unwrap();
        let items =
            streams.iter().map(|stream| settlement.acknowledged(ask.serial(), number(stream)).unwrap());
        (Signed::sign(&secret(ISSUER), &NETWORK, ask.grant()), items.collect::<Shown>())
    };
    let mut grants = vec![shown(&settlement, &ask, &[0, 5]), shown(&settlement, &second, &[0])];
    grants.sort_by_key(|(grant, _)| grant.body().serial);
    let proof = |lines: &[Line]| {
        let summary = ledger::Summary { lines: ledger::ListRoot::of(lines), ..settlement.summary.clone() };
        Shortfall::new(grants.clone(), lines, summary).unwrap()
    };
    let honest = proof(&settlement.lines);
    assert!(
        matches!(honest.verify(&key(ISSUER)), Err(ShortfallError::NotShort { listed, .. }) if listed == bytes(540))
    );
    let own = settlement.lines.iter().position(|line| line.alias == ask.grant().alias).unwrap();
    let mut less = settlement.lines.clone();
    less[own].usage.bytes -= 1;
    let mut without = settlement.lines.clone();
    without.remove(own);
    for lines in [less, without, Vec::new()] {
        let short = proof(&lines);
        short.verify(&key(ISSUER)).unwrap();
        assert_eq!(Shortfall::decode(&short.encode(), &NETWORK).unwrap(), short);
        assert!(matches!(short.verify(&key(GATEWAY)), Err(ShortfallError::Unrelated)));
    }
    // Nobody is convicted by leaving something out, or by what is of somebody else.
    for at in 0..honest.lines.len() {
        let mut cut = honest.clone();
        cut.lines.remove(at);
        assert!(cut.verify(&key(ISSUER)).is_err(), "without line {at}");
    }
    let mut twice = honest.clone();
    twice.grants.push(twice.grants[0].clone());
    assert!(matches!(twice.verify(&key(ISSUER)), Err(ShortfallError::Unrelated)), "a grant counts once");
    let mut streams = honest.clone();
    streams.grants = vec![shown(&settlement, &ask, &[0, 0])];
    assert!(matches!(streams.verify(&key(ISSUER)), Err(ShortfallError::Unrelated)), "a stream counts once");
    let mut foreign = honest;
    let of_another = Ask { viewer: VIEWER + 1, number: 0, charge: 100, limit: bytes(100), ..ask };
    foreign.grants.push(shown(&settlement, &of_another, &[0]));
    foreign.grants.sort_by_key(|(grant, _)| grant.body().serial);
    assert!(matches!(foreign.verify(&key(ISSUER)), Err(ShortfallError::Unrelated)));
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
