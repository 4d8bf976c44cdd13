//! What a log asks of a witness, and what a witness decides (C2SP tlog-witness).
//!
//! A witness knows of each log only the last checkpoint that it has cosigned. The decision is one step from what it knows to
//! what it will know; whoever performs it stores that step only where the knowledge is still what the decision was made on:
//!
//! ```text
//! AddCheckpoint::decode → admit (a log that is known?) → after (what is stored now) → store, if nobody else has → cosign
//! ```

use protocol::{SecretKey, UnixSeconds};

use super::text::{bytes, number};
use super::{
    Checkpoint, KeyKind, KeyName, NOTE_LEN_MAX, NoteError, SignedNote, TreeHash, VerifierKey,
    verify_consistency,
};

/// Most hashes of a consistency proof in a request.
pub const CONSISTENCY_LEN_MAX: usize = 63;
/// Longest request, in bytes: a note, and the longest proof.
pub const ADD_CHECKPOINT_LEN_MAX: usize = NOTE_LEN_MAX + 4096;

/// The body of a request `add-checkpoint`. Nothing of it is verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the witness has cosigned last, as the log believes; 0 when there is none.
    pub old: u64,
    /// Why the new checkpoint continues that one; at most [`CONSISTENCY_LEN_MAX`] hashes.
    pub proof: Vec<TreeHash>,
    /// The new checkpoint.
    pub checkpoint: SignedNote,
}

/// Why bytes are no request.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddCheckpointError {
    /// Its first part, or all of it is too long.
    #[error("not a request to cosign: an old size, at most {CONSISTENCY_LEN_MAX} hashes, and a checkpoint")]
    Form,
    /// Its checkpoint.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] NoteError),
}

/// The last checkpoint of a log that a witness has cosigned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Witnessed {
    /// How many entries.
    pub size: u64,
    /// The root over them.
    pub root: TreeHash,
}

/// A request for a log that is known, signed by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admitted {
    checkpoint: Checkpoint,
    request: AddCheckpoint,
}

/// A checkpoint that continues what the witness knew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cosignable {
    checkpoint: Checkpoint,
    note: SignedNote,
}

/// Why a witness does not cosign.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum NotCosigned {
    #[error("the note is no checkpoint of three lines")]
    Malformed,
    #[error("no log of this witness is called {origin}")]
    UnknownLog { origin: KeyName },
    #[error("{origin} has not signed this checkpoint")]
    NotSigned { origin: KeyName },
    #[error("a checkpoint of {size} entries after one of {old}")]
    Shrinks { old: u64, size: u64 },
    #[error("the checkpoint cosigned last has {size} entries, and not this size or root")]
    Conflict { size: u64 },
    #[error("the proof does not lead from {old} to {size} entries")]
    Inconsistent { old: u64, size: u64 },
}

impl AddCheckpoint {
    /// The body of the request.
    pub fn encode(&self) -> String {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text.push_str(&hash.to_string());
            text.push('\n');
        }
        text + "\n" + &self.checkpoint.encode()
    }

    /// Reads the body of a request.
    pub fn decode(body: &[u8]) -> Result<Self, AddCheckpointError> {
        let text = std::str::from_utf8(body).ok().filter(|text| text.len() <= ADD_CHECKPOINT_LEN_MAX);
        let (head, checkpoint) =
            text.and_then(|text| text.split_once("\n\n")).ok_or(AddCheckpointError::Form)?;
        let (old, proof) = parse_head(head).ok_or(AddCheckpointError::Form)?;
        Ok(Self { old, proof, checkpoint: SignedNote::decode(checkpoint.as_bytes())? })
    }

    /// The request, when one of these logs has signed its checkpoint under its own name. Other signatures are passed over.
    pub fn admit(self, logs: &[VerifierKey]) -> Result<Admitted, NotCosigned> {
        let checkpoint = Checkpoint::parse(self.checkpoint.text()).map_err(|_| NotCosigned::Malformed)?;
        let (origin, size) = (checkpoint.origin.clone(), checkpoint.size);
        let mut keys = logs.iter().filter(|key| *key.name() == origin).peekable();
        if keys.peek().is_none() {
            return Err(NotCosigned::UnknownLog { origin });
        }
        if !keys.any(|key| matches!(self.checkpoint.verify(key), Ok(Some(_)))) {
            return Err(NotCosigned::NotSigned { origin });
        }
        if self.old > size {
            return Err(NotCosigned::Shrinks { old: self.old, size });
        }
        Ok(Admitted { checkpoint, request: self })
    }
}

impl Admitted {
    /// The name of the log: under it the witness keeps what it has cosigned last.
    pub const fn origin(&self) -> &KeyName {
        &self.checkpoint.origin
    }

    /// The checkpoint, when it continues what the witness knows *now*.
    pub fn after(&self, known: Witnessed) -> Result<Cosignable, NotCosigned> {
        let (old, size) = (self.request.old, self.checkpoint.size);
        let has_other_root = size == known.size && self.checkpoint.root != known.root;
        if old != known.size || has_other_root {
            return Err(NotCosigned::Conflict { size: known.size });
        }
        let new = (size, self.checkpoint.root);
        if !verify_consistency((known.size, known.root), new, &self.request.proof) {
            return Err(NotCosigned::Inconsistent { old, size });
        }
        Ok(Cosignable { checkpoint: self.checkpoint.clone(), note: self.request.checkpoint.clone() })
    }
}

impl Cosignable {
    /// What the witness knows from now on. It MUST be durable before [`cosignature`](Self::cosignature) leaves the witness,
    /// and it replaces nothing but the knowledge that the decision was made on: else a slow request would take back a
    /// faster one.
    pub const fn witnessed(&self) -> Witnessed {
        Witnessed { size: self.checkpoint.size, root: self.checkpoint.root }
    }

    /// The body of the answer: one line, of a witness that has seen the checkpoint at `time`.
    pub fn cosignature(&self, name: &KeyName, secret: &SecretKey, time: UnixSeconds) -> String {
        self.note.cosignature(name, secret, time)
    }
}

impl Witnessed {
    /// What a witness knows of a log that it never cosigned.
    pub fn nothing() -> Self {
        Self { size: 0, root: TreeHash::empty() }
    }
}

impl NotCosigned {
    /// The HTTP status of the answer, as C2SP names it.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed | Self::Shrinks { .. } => 400,
            Self::NotSigned { .. } => 403,
            Self::UnknownLog { .. } => 404,
            Self::Conflict { .. } => 409,
            Self::Inconsistent { .. } => 422,
        }
    }

    /// The body of the answer 409, of type `text/x.tlog.size`: how far the witness is. `None` for other answers.
    pub fn conflict_body(&self) -> Option<String> {
        match self {
            Self::Conflict { size } => Some(format!("{size}\n")),
            _ => None,
        }
    }
}

/// How far the witness is that has answered 409 with this body.
pub fn parse_conflict(body: &[u8]) -> Option<u64> {
    number(std::str::from_utf8(body).ok()?.strip_suffix('\n')?)
}

/// The checkpoint with what a witness has answered, of which only cosignatures by `witness` that verify are kept; `None`
/// when there is none.
pub fn with_cosignature(checkpoint: &SignedNote, answer: &[u8], witness: &VerifierKey) -> Option<SignedNote> {
    let answer = std::str::from_utf8(answer).ok().filter(|lines| lines.len() <= NOTE_LEN_MAX)?;
    let of_witness = SignedNote::decode(format!("{}\n{answer}", checkpoint.text()).as_bytes()).ok()?;
    let is_signed = witness.kind() == KeyKind::Cosignature && of_witness.verify(witness).ok()?.is_some();
    is_signed.then(|| checkpoint.clone().joined(&of_witness, witness))
}

fn parse_head(head: &str) -> Option<(u64, Vec<TreeHash>)> {
    let mut lines = head.split('\n');
    let old = number(lines.next()?.strip_prefix("old ")?)?;
    let mut proof = Vec::new();
    for line in lines {
        proof.push(TreeHash::from_bytes(bytes(line)?.try_into().ok()?));
    }
    (proof.len() <= CONSISTENCY_LEN_MAX).then_some((old, proof))
}

#[cfg(test)]
mod tests;
