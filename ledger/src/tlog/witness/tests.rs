use super::*;
use crate::tlog::{Frontier, Subtree, consistency_proof};

/// The example of the specification.
const EXAMPLE: &str = "old 20852014\n\
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
    jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
    5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
    /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
    \n\
    example.com/behind-the-sofa\n\
    20852163\n\
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
    \n\
    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
    — example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";

const LOG: u8 = 1;
const WITNESS: u8 = 2;

fn secret(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

fn logs() -> [VerifierKey; 1] {
    [VerifierKey::new(name("log.example"), KeyKind::Plain, secret(LOG).public())]
}

fn root_of(leaves: std::ops::Range<u64>) -> TreeHash {
    let mut frontier = Frontier::default();
    leaves.for_each(|leaf| frontier.push(&leaf.to_le_bytes()));
    frontier.root()
}

fn witnessed(size: u64) -> Witnessed {
    Witnessed { size, root: root_of(0..size) }
}

fn note(size: u64, root: TreeHash, signer: u8) -> SignedNote {
    let checkpoint = Checkpoint { origin: name("log.example"), size, root };
    let mut note = SignedNote::new(checkpoint.to_text()).unwrap();
    note.sign(&checkpoint.origin, &secret(signer));
    note
}

/// The request of an honest log that has grown.
fn request(old: u64, size: u64) -> AddCheckpoint {
    let hash_of = |Subtree { level, number }| {
        let start = number << level;
        Some(root_of(start..start + (1 << level)))
    };
    let proof = consistency_proof(old, size, hash_of).unwrap();
    AddCheckpoint { old, proof, checkpoint: note(size, root_of(0..size), LOG) }
}

fn decided(request: AddCheckpoint, known: Witnessed) -> Result<Witnessed, NotCosigned> {
    request.admit(&logs())?.after(known).map(|cosignable| cosignable.witnessed())
}

#[test]
fn the_published_request_is_read() {
    let request = AddCheckpoint::decode(EXAMPLE.as_bytes()).unwrap();
    assert_eq!((request.old, request.proof.len()), (20_852_014, 4));
    assert_eq!(request.encode(), EXAMPLE);
    let many = "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n".repeat(60);
    for (from, to) in [
        ("old 20852014", "old 020852014"),
        ("old 20852014", "old"),
        ("old ", "new "),
        ("pkaw=", "pkax="),
        ("PlRN", &(many + "PlRN")),
        ("— example", "- example"),
    ] {
        let bad = EXAMPLE.replacen(from, to, 1);
        assert!(bad != EXAMPLE && AddCheckpoint::decode(bad.as_bytes()).is_err(), "{from} {to}");
    }
    assert_eq!(
        AddCheckpoint::decode(&vec![b'\n'; ADD_CHECKPOINT_LEN_MAX + 1]),
        Err(AddCheckpointError::Form)
    );
}

#[test]
fn a_log_that_grows_is_cosigned() {
    for size in 0..20 {
        assert_eq!(decided(request(0, size), Witnessed::nothing()), Ok(witnessed(size)));
        for old in 1..=size {
            assert_eq!(decided(request(old, size), witnessed(old)), Ok(witnessed(size)), "{old} to {size}");
        }
    }
    let cosignable = request(3, 9).admit(&logs()).unwrap().after(witnessed(3)).unwrap();
    let answer = cosignable.cosignature(&name("w.example"), &secret(WITNESS), UnixSeconds::new(7));
    let key = |kind, seed| VerifierKey::new(name("w.example"), kind, secret(seed).public());
    let checkpoint = note(9, root_of(0..9), LOG);
    let line = answer.clone();
    let unknown = format!("— other.example AAAAAAA=\n{answer}");
    for answer in [answer.as_bytes(), unknown.as_bytes()] {
        let joined = with_cosignature(&checkpoint, answer, &key(KeyKind::Cosignature, WITNESS)).unwrap();
        assert_eq!(joined.verify(&key(KeyKind::Cosignature, WITNESS)), Ok(Some(UnixSeconds::new(7))));
        assert_eq!(joined.encode(), checkpoint.encode() + &line);
    }
    for (answer, other) in [
        (answer.as_bytes(), key(KeyKind::Cosignature, LOG)),
        (answer.as_bytes(), key(KeyKind::Plain, WITNESS)),
        (b"", key(KeyKind::Cosignature, WITNESS)),
        (b"\xff", key(KeyKind::Cosignature, WITNESS)),
    ] {
        assert_eq!(with_cosignature(&checkpoint, answer, &other), None);
    }
    let other_text = note(9, root_of(0..8), LOG);
    assert_eq!(with_cosignature(&other_text, answer.as_bytes(), &key(KeyKind::Cosignature, WITNESS)), None);
}

#[test]
fn whatever_is_wrong_has_its_own_answer() {
    let changed = |change: fn(&mut AddCheckpoint)| {
        let mut request = request(3, 9);
        change(&mut request);
        decided(request, witnessed(3)).unwrap_err()
    };
    let extended = |request: &mut AddCheckpoint| {
        request.checkpoint = SignedNote::new("log.example\n9\nAAAA\nmore\n").unwrap();
    };
    let elsewhere = |request: &mut AddCheckpoint| {
        request.checkpoint =
            SignedNote::new(request.checkpoint.text().replace("log.example", "else.example")).unwrap();
    };
    assert_eq!(changed(extended).status(), 400);
    assert_eq!(changed(elsewhere), NotCosigned::UnknownLog { origin: name("else.example") });
    assert_eq!(changed(elsewhere).status(), 404);
    assert_eq!(changed(|request| request.checkpoint = note(9, root_of(0..9), WITNESS)).status(), 403);
    assert_eq!(changed(|request| request.old = 10), NotCosigned::Shrinks { old: 10, size: 9 });
    assert_eq!(changed(|request| request.old = 2), NotCosigned::Conflict { size: 3 });
    let fork = changed(|request| request.checkpoint = note(9, root_of(1..10), LOG));
    assert_eq!((&fork, fork.status()), (&NotCosigned::Inconsistent { old: 3, size: 9 }, 422));
    assert_eq!(changed(|request| request.proof.truncate(1)).status(), 422);
    assert_eq!(changed(|request| request.proof.push(TreeHash::empty())).status(), 422);

    let same_size = AddCheckpoint { old: 3, proof: Vec::new(), checkpoint: note(3, root_of(1..4), LOG) };
    let conflict = decided(same_size, witnessed(3)).unwrap_err();
    assert_eq!((conflict.status(), conflict.conflict_body().as_deref()), (409, Some("3\n")));
    assert_eq!(parse_conflict(b"3\n"), Some(3));
    for bad in [&b"3"[..], b"03\n", b"", b"x\n", b"3\n3\n"] {
        assert_eq!(parse_conflict(bad), None);
    }
}

/// The race of the specification: a slow request for 5 entries and a fast one for 9 are both decided on what was known, 3.
/// Only one of them is stored; the other one finds that the witness has gone on, and is told how far.
#[test]
fn no_request_takes_back_another() {
    for first in [5, 9] {
        let (mut stored, second) = (witnessed(3), 14 - first);
        let store = |stored: &mut Witnessed, known: Witnessed, new: Witnessed| {
            let is_as_known = *stored == known;
            if is_as_known {
                *stored = new;
            }
            is_as_known
        };
        let known = stored;
        let [one, other] = [first, second].map(|size| request(3, size).admit(&logs()).unwrap());
        let [new_one, new_other] = [&one, &other].map(|admitted| admitted.after(known).unwrap().witnessed());
        assert!(store(&mut stored, known, new_one));
        assert!(!store(&mut stored, known, new_other), "somebody else was faster");
        assert_eq!(other.after(stored), Err(NotCosigned::Conflict { size: first }));
        assert_eq!(stored, witnessed(first));
    }
}
