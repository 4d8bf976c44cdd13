//! Proofs that one can keep: an entry is in a log that witnesses have seen (C2SP tlog-proof).

use data_encoding::BASE64;

use super::text::{bytes, number};
use super::{
    AcceptedCheckpoint, NOTE_LEN_MAX, NotAccepted, NoteError, Policy, SignedNote, TreeHash, verify_inclusion,
};

/// What a `.tlog-proof` file says. Nothing of it is verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogProof {
    /// The place of the entry in the log.
    pub index: u64,
    /// The hashes beside its path, the lowest first; at most 64.
    pub path: Vec<TreeHash>,
    /// A checkpoint of the log with its signatures.
    pub checkpoint: SignedNote,
    /// What else is kept with it; no part of what is proved.
    pub extra: Option<Vec<u8>>,
}

/// Why a file is no proof.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LogProofError {
    /// Its first part.
    #[error("not a tlog-proof of version 1: a heading, an index and at most 64 hashes")]
    Form,
    /// Its checkpoint.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] NoteError),
}

/// Why a proof does not show that an entry is in a log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotProved {
    /// The checkpoint does not count.
    #[error(transparent)]
    NotAccepted(#[from] NotAccepted),
    /// The path does not lead from the entry to the root.
    #[error("the entry is not number {index} of the log")]
    NotThere {
        /// The place that the proof names.
        index: u64,
    },
}

impl LogProof {
    /// The file.
    pub fn encode(&self) -> String {
        let extra = self.extra.as_ref().map(|extra| format!("extra {}\n", BASE64.encode(extra)));
        let mut text = format!("{HEADING}\n{}index {}\n", extra.unwrap_or_default(), self.index);
        for hash in &self.path {
            text.push_str(&hash.to_string());
            text.push('\n');
        }
        text + "\n" + &self.checkpoint.encode()
    }

    /// Reads a file.
    pub fn decode(file: &[u8]) -> Result<Self, LogProofError> {
        let text = std::str::from_utf8(file).ok().filter(|text| text.len() <= LOG_PROOF_LEN_MAX);
        let (head, checkpoint) = text.and_then(|text| text.split_once("\n\n")).ok_or(LogProofError::Form)?;
        let Head { extra, index, path } = parse_head(head).ok_or(LogProofError::Form)?;
        Ok(Self { extra, index, path, checkpoint: SignedNote::decode(checkpoint.as_bytes())? })
    }

    /// The checkpoint, when it counts and the entry is in the log.
    pub fn verify(&self, entry: &[u8], policy: &Policy) -> Result<AcceptedCheckpoint, NotProved> {
        let accepted = policy.accept(&self.checkpoint)?;
        let (leaf, log) = (TreeHash::of_leaf(entry), &accepted.checkpoint);
        if verify_inclusion(leaf, self.index, log.size, log.root, &self.path) {
            Ok(accepted)
        } else {
            Err(NotProved::NotThere { index: self.index })
        }
    }
}

const HEADING: &str = "c2sp.org/tlog-proof@v1";
/// Longest file, in bytes.
pub const LOG_PROOF_LEN_MAX: usize = 2 * NOTE_LEN_MAX;
const PATH_LEN_MAX: usize = 64;

struct Head {
    extra: Option<Vec<u8>>,
    index: u64,
    path: Vec<TreeHash>,
}

fn parse_head(head: &str) -> Option<Head> {
    let mut lines = head.strip_prefix(HEADING)?.strip_prefix('\n')?.split('\n');
    let mut first = lines.next()?;
    let mut extra = None;
    if let Some(text) = first.strip_prefix("extra ") {
        extra = Some(bytes(text)?);
        first = lines.next()?;
    }
    let index = number(first.strip_prefix("index ")?)?;
    let mut path = Vec::new();
    for line in lines {
        let hash = bytes(line)?.try_into().ok()?;
        path.push(TreeHash::from_bytes(hash));
    }
    (path.len() <= PATH_LEN_MAX).then_some(Head { extra, index, path })
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;
    use crate::tlog::{Checkpoint, Frontier, KeyKind, KeyName, VerifierKey, inclusion_proof};

    fn proved() -> (LogProof, Policy) {
        let (secret, origin) = (SecretKey::from_bytes(&[1; 32]), KeyName::new("log.example").unwrap());
        let mut frontier = Frontier::default();
        (0..3_u8).for_each(|entry| frontier.push(&[entry]));
        let checkpoint = Checkpoint { origin: origin.clone(), size: 3, root: frontier.root() };
        let mut note = SignedNote::new(checkpoint.to_text()).unwrap();
        note.sign(&origin, &secret);
        let hash_of = |subtree: crate::tlog::Subtree| {
            let mut frontier = Frontier::default();
            let start = subtree.number << subtree.level;
            (start..start + (1 << subtree.level))
                .for_each(|entry| frontier.push(&[u8::try_from(entry).unwrap()]));
            Some(frontier.root())
        };
        let path = inclusion_proof(1, 3, hash_of).unwrap();
        let key = VerifierKey::new(origin, KeyKind::Plain, secret.public());
        let policy = Policy::parse(&format!("log {key}\nquorum none\n")).unwrap();
        (LogProof { index: 1, path, checkpoint: note, extra: None }, policy)
    }

    #[test]
    fn a_file_proves_one_entry() {
        let (proof, policy) = proved();
        let proof = LogProof::decode(proof.encode().as_bytes()).unwrap();
        assert_eq!(proof.verify(&[1], &policy).unwrap().checkpoint.size, 3);
        assert_eq!(proof.verify(&[2], &policy), Err(NotProved::NotThere { index: 1 }));
        let elsewhere = LogProof { index: 0, ..proof.clone() };
        assert_eq!(elsewhere.verify(&[1], &policy), Err(NotProved::NotThere { index: 0 }));
        let nobody = Policy::parse("quorum none").unwrap();
        assert!(matches!(proof.verify(&[1], &nobody), Err(NotProved::NotAccepted(_))));
    }

    #[test]
    fn other_files_are_refused() {
        let good = proved().0.encode();
        let with_extra = good.replace("\nindex", "\nextra AAAA\nindex");
        let extra = Some(vec![0; 3]);
        assert_eq!(LogProof::decode(with_extra.as_bytes()).unwrap(), LogProof { extra, ..proved().0 });
        for (from, to) in [
            ("@v1", "@v2"),
            ("index 1", "index 01"),
            ("index 1\n", ""),
            ("\nindex", "\nextra A\nindex"),
            ("\nindex 1\n", "\nindex 1\nAAAA\n"),
            ("\n\nlog", "\nlog"),
        ] {
            assert!(LogProof::decode(good.replace(from, to).as_bytes()).is_err(), "{from:?} {to:?}");
        }
    }
}
