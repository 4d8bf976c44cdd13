//! Policies: whose signatures make a checkpoint count (C2SP tlog-policy).

use std::collections::{BTreeMap, BTreeSet};

use protocol::PublicKey;

use super::{Checkpoint, CheckpointError, KeyKind, NoteError, SignedNote, VerifierKey};

/// Longest policy, in bytes.
pub const POLICY_LEN_MAX: usize = 65_536;
/// Most logs, witnesses and groups that a policy may name, each.
pub const POLICY_ITEMS_MAX: usize = 64;

/// Logs that are accepted, and which witnesses must have seen their checkpoints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<Witness>,
    quorum: Rule,
}

/// A witness, and where it is asked, if it is.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Witness {
    key: VerifierKey,
    url: Option<String>,
}

/// What must have cosigned.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Rule {
    /// Nobody.
    Nobody,
    /// The witness of this number.
    Witness(usize),
    /// So many of these.
    Group(usize, Vec<Rule>),
}

/// A checkpoint that its log has signed and enough witnesses have seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AcceptedCheckpoint {
    /// What the log says.
    pub checkpoint: Checkpoint,
    /// Its key in the policy.
    pub log: VerifierKey,
    /// How many witnesses of the policy, with keys that are not the log's, have cosigned; with 0 it is *unwitnessed*, and
    /// somebody else may have been shown another log.
    pub witnessed_by: usize,
}

/// Why a text is no policy.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum PolicyError {
    #[error("policy of {len} bytes, at most {POLICY_LEN_MAX} are allowed")]
    TooLong { len: usize },
    #[error("line {line} of the policy is none that is known")]
    Line { line: usize },
    #[error("line {line} of the policy names a key or name twice, or one that is not defined above")]
    Name { line: usize },
    #[error("the policy has no quorum, or more than one")]
    Quorum,
}

/// Why a checkpoint does not count.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAccepted {
    /// The note, or one of its signatures.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// No log of the policy has signed it under its own name.
    #[error("no log that is known has signed the checkpoint")]
    UnknownLog,
    /// Too few witnesses.
    #[error("{cosigned} known witnesses have cosigned, which is no quorum")]
    NoQuorum {
        /// How many did.
        cosigned: usize,
    },
}

impl Policy {
    /// Reads a policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > POLICY_LEN_MAX {
            return Err(PolicyError::TooLong { len: text.len() });
        }
        let mut draft = Draft::default();
        for (number, line) in text.split('\n').enumerate() {
            let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            draft.take(&words, number + 1)?;
        }
        let Draft { logs, witnesses, quorum, .. } = draft;
        Ok(Self { logs, witnesses, quorum: quorum.ok_or(PolicyError::Quorum)? })
    }

    /// The witnesses with their submission prefixes: where `/add-checkpoint` follows.
    pub fn witnesses(&self) -> impl Iterator<Item = (&VerifierKey, Option<&str>)> {
        self.witnesses.iter().map(|witness| (&witness.key, witness.url.as_deref()))
    }

    /// The checkpoint in this note, when it counts.
    pub fn accept(&self, note: &SignedNote) -> Result<AcceptedCheckpoint, NotAccepted> {
        let checkpoint = Checkpoint::parse(note.text())?;
        let mut log = None;
        for key in self.logs.iter().filter(|key| *key.name() == checkpoint.origin) {
            if note.verify(key)?.is_some() {
                log = Some(key);
            }
        }
        let log = log.ok_or(NotAccepted::UnknownLog)?;
        let mut cosigned = BTreeSet::new();
        for (number, (key, _)) in self.witnesses().enumerate() {
            if note.verify(key)?.is_some() {
                cosigned.insert(number);
            }
        }
        if !self.quorum.is_met(&cosigned) {
            return Err(NotAccepted::NoQuorum { cosigned: cosigned.len() });
        }
        let is_independent = |number: &&usize| self.witnesses[**number].key.key() != log.key();
        let witnessed_by = cosigned.iter().filter(is_independent).count();
        Ok(AcceptedCheckpoint { checkpoint, log: log.clone(), witnessed_by })
    }
}

impl Rule {
    fn is_met(&self, cosigned: &BTreeSet<usize>) -> bool {
        match self {
            Self::Nobody => true,
            Self::Witness(number) => cosigned.contains(number),
            Self::Group(least, members) => {
                members.iter().filter(|member| member.is_met(cosigned)).count() >= *least
            }
        }
    }
}

/// A policy that is being read.
#[derive(Default)]
struct Draft {
    logs: Vec<VerifierKey>,
    witnesses: Vec<Witness>,
    /// Witnesses and groups that are in no group yet; those that are can be named no more.
    free: BTreeMap<String, Rule>,
    names: BTreeSet<String>,
    quorum: Option<Rule>,
}

impl Draft {
    fn take(&mut self, words: &[&str], line: usize) -> Result<(), PolicyError> {
        let unknown = PolicyError::Line { line };
        match words {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] | ["log", key, _] => {
                let key = parse_key(key, KeyKind::Plain).ok_or(unknown)?;
                add(&mut self.logs, key).ok_or(PolicyError::Name { line })
            }
            ["witness", name, key, url @ ..] if url.len() < 2 => {
                let key = parse_key(key, KeyKind::Cosignature).ok_or(unknown)?;
                let rule = Rule::Witness(self.witnesses.len());
                let is_other = self.witnesses.iter().all(|witness| witness.key.key() != key.key());
                let is_new = is_other && self.witnesses.len() < POLICY_ITEMS_MAX;
                self.witnesses.push(Witness { key, url: url.first().map(|url| (*url).to_owned()) });
                let defined = if is_new { self.define(name, rule) } else { None };
                defined.ok_or(PolicyError::Name { line })
            }
            ["group", name, least, members @ ..] if !members.is_empty() => {
                let least = threshold(least, members.len()).ok_or(unknown)?;
                let rules: Option<Vec<Rule>> =
                    members.iter().map(|member| self.free.remove(*member)).collect();
                let group = rules.map(|rules| Rule::Group(least, rules));
                group.and_then(|group| self.define(name, group)).ok_or(PolicyError::Name { line })
            }
            ["quorum", name] => {
                let rule = if *name == NOBODY { Some(Rule::Nobody) } else { self.free.get(*name).cloned() };
                let before = self.quorum.replace(rule.ok_or(PolicyError::Name { line })?);
                if before.is_some() { Err(PolicyError::Quorum) } else { Ok(()) }
            }
            _ => Err(unknown),
        }
    }

    fn define(&mut self, name: &str, rule: Rule) -> Option<()> {
        let is_new =
            name != NOBODY && self.names.len() < 2 * POLICY_ITEMS_MAX && self.names.insert(name.to_owned());
        is_new.then(|| drop(self.free.insert(name.to_owned(), rule)))
    }
}

const NOBODY: &str = "none";

fn parse_key(text: &str, kind: KeyKind) -> Option<VerifierKey> {
    text.parse().ok().filter(|key: &VerifierKey| key.kind() == kind)
}

/// Each key once, whatever its name.
fn add(keys: &mut Vec<VerifierKey>, key: VerifierKey) -> Option<()> {
    let has = |other: PublicKey| keys.iter().any(|key| key.key() == other);
    let is_new = keys.len() < POLICY_ITEMS_MAX && !has(key.key());
    is_new.then(|| keys.push(key))
}

fn threshold(text: &str, members: usize) -> Option<usize> {
    match text {
        "any" => Some(1),
        "all" => Some(members),
        number => number.parse().ok().filter(|least| (1..=members).contains(least)),
    }
}

#[cfg(test)]
mod tests {
    use protocol::{SecretKey, UnixSeconds};

    use super::*;
    use crate::tlog::{KeyName, TreeHash};

    fn secret(seed: u8) -> SecretKey {
        SecretKey::from_bytes(&[seed; 32])
    }

    fn name(seed: u8) -> KeyName {
        KeyName::new(&format!("w{seed}.example")).unwrap()
    }

    fn witness(seed: u8) -> String {
        let key = VerifierKey::new(name(seed), KeyKind::Cosignature, secret(seed).public());
        format!("witness W{seed} {key} https://w{seed}.example/\n")
    }

    fn log() -> String {
        let origin = KeyName::new("log.example").unwrap();
        format!("# Ours.\n\nlog {}\n", VerifierKey::new(origin, KeyKind::Plain, secret(1).public()))
    }

    fn note(witnesses: &[u8]) -> SignedNote {
        let origin = KeyName::new("log.example").unwrap();
        let checkpoint = Checkpoint { origin: origin.clone(), size: 1, root: TreeHash::of_leaf(b"") };
        let mut note = SignedNote::new(checkpoint.to_text()).unwrap();
        note.sign(&origin, &secret(1));
        for seed in witnesses {
            note.cosign(&name(*seed), &secret(*seed), UnixSeconds::new(5));
        }
        note
    }

    #[test]
    fn groups_of_groups_are_counted() {
        let witnesses: String = (2..8).map(witness).collect();
        let groups = "group X 2 W2 W3 W4\n\tgroup  Y any W5 W6 W7 \ngroup Z all X Y\nquorum Z\n";
        let policy = Policy::parse(&format!("{}{witnesses}{groups}", log())).unwrap();
        for (cosigned, accepted) in
            [(&[2, 3, 5][..], Some(3)), (&[2, 3], None), (&[2, 5, 6, 7], None), (&[4, 3, 7, 9], Some(3))]
        {
            let result = policy.accept(&note(cosigned)).ok().map(|accepted| accepted.witnessed_by);
            assert_eq!(result, accepted, "{cosigned:?}");
        }
        let mut forged = note(&[2, 3, 5]).encode();
        forged = forged.replace("log.example\n1\n", "log.example\n2\n");
        let forged = SignedNote::decode(forged.as_bytes()).unwrap();
        assert!(matches!(policy.accept(&forged), Err(NotAccepted::Note(NoteError::Forged { .. }))));
    }

    #[test]
    fn a_log_that_is_its_own_witness_is_unwitnessed() {
        let nobody = Policy::parse(&format!("{}quorum none", log())).unwrap();
        assert_eq!(nobody.accept(&note(&[])).unwrap().witnessed_by, 0);
        let itself = Policy::parse(&format!("{}{}quorum W1\n", log(), witness(1))).unwrap();
        assert_eq!(itself.accept(&note(&[1])).unwrap().witnessed_by, 0);
        let other = Policy::parse("quorum none").unwrap();
        assert_eq!(other.accept(&note(&[])), Err(NotAccepted::UnknownLog));
    }

    #[test]
    fn other_texts_are_refused() {
        let (w2, w3) = (witness(2), witness(3));
        let plain = w2.replace("W2 ", "W2 x");
        for bad in [
            String::new(),
            "quorum W2".into(),
            "quorum none\nquorum none".into(),
            "quota none".into(),
            format!("{w2}{w2}quorum W2"),
            format!("{w2}group none any W2\nquorum none"),
            format!("{w2}group G 2 W2\nquorum G"),
            format!("{w2}group G 0 W2\nquorum G"),
            format!("{w2}group G any\nquorum G"),
            format!("group G any W2\n{w2}quorum G"),
            format!("{w2}{w3}group G any W2\ngroup H all W2 W3\nquorum H"),
            format!("{w2}group G any W2 W2\nquorum G"),
            format!("{plain}quorum none"),
            format!("{}{}quorum none", log(), log()),
        ] {
            assert!(Policy::parse(&bad).is_err(), "{bad}");
        }
    }
}
