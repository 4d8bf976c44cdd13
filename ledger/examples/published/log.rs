//! A log that is kept whole, and written as its readers find it.

use std::fmt::Write as _;
use std::path::Path;

use ledger::LogEntry;
use ledger::tlog::{
    Bundle, Checkpoint, KeyKind, KeyName, LogBytes, LogProof, SignedNote, Subtree, Tile, TreeHash,
    VerifierKey, consistency_proof, inclusion_proof,
};

use crate::world::{NOW, secret};

const LOG: (&str, u8) = ("ledger.example/log", 252);
const WITNESS: (&str, u8) = ("witness.example/one", 253);
/// How many entries there are proofs for.
const PROOFS: u64 = 9;

#[derive(Default)]
pub(crate) struct Log {
    entries: Vec<LogBytes>,
    /// The roots of all whole subtrees, by height and place.
    subtrees: Vec<Vec<TreeHash>>,
    checkpoints: Vec<(u64, SignedNote)>,
}

impl Log {
    pub(crate) fn push(&mut self, entry: &LogEntry) {
        let entry = entry.encode();
        let mut root = entry.leaf();
        self.entries.push(entry);
        for height in 0.. {
            if self.subtrees.len() == height {
                self.subtrees.push(Vec::new());
            }
            let row = &mut self.subtrees[height];
            row.push(root);
            match row.as_chunks::<2>() {
                ([.., [left, right]], []) => root = TreeHash::of_node(*left, *right),
                _ => break,
            }
        }
    }

    /// Signs the log as it is, as the log and as a witness.
    pub(crate) fn checkpoint(&mut self) {
        let size = self.entries.len() as u64;
        let mut frontier = ledger::tlog::Frontier::default();
        self.entries.iter().for_each(|entry| frontier.push(entry.as_bytes()));
        let checkpoint = Checkpoint { origin: name(LOG.0), size, root: frontier.root() };
        let mut note = SignedNote::new(checkpoint.to_text()).unwrap();
        note.sign(&name(LOG.0), &secret(LOG.1));
        note.cosign(&name(WITNESS.0), &secret(WITNESS.1), NOW);
        self.checkpoints.push((size, note));
    }

    /// The files of the log, at its last checkpoint.
    pub(crate) fn write(&self, folder: &Path) {
        let [(before, old), (size, newest)] = self.checkpoints.as_slice() else { panic!("two epochs") };
        write(folder, "checkpoint.before", old.encode());
        write(folder, "checkpoint", newest.encode());
        for tile in Tile::added(0, *size) {
            let hashes: Vec<u8> =
                tile.subtrees().flat_map(|subtree| *self.hash_of(subtree).unwrap().as_bytes()).collect();
            write(folder, &tile.path(), hashes);
        }
        for bundle in Bundle::added(0, *size) {
            let entries = bundle.range().map(|at| &self.entries[usize::try_from(at).unwrap()]);
            write(folder, &bundle.path(), Bundle::encode(entries));
        }
        let consistency = consistency_proof(*before, *size, |subtree| self.hash_of(subtree)).unwrap();
        write(
            folder,
            "consistency",
            consistency.iter().fold(String::new(), |text, hash| text + &hash.to_string() + "\n"),
        );
        self.write_proofs(folder, *size, newest);
        write_keys(folder);
    }

    fn write_proofs(&self, folder: &Path, size: u64, checkpoint: &SignedNote) {
        for number in 0..PROOFS {
            let index = number * (size - 1) / (PROOFS - 1);
            let path = inclusion_proof(index, size, |subtree| self.hash_of(subtree)).unwrap();
            let proof = LogProof { index, path, checkpoint: checkpoint.clone(), extra: None };
            let entry = &self.entries[usize::try_from(index).unwrap()];
            write(folder, &format!("proof/{index}.entry"), entry.as_bytes());
            write(folder, &format!("proof/{index}.tlog-proof"), proof.encode());
        }
    }

    fn hash_of(&self, subtree: Subtree) -> Option<TreeHash> {
        self.subtrees.get(usize::from(subtree.level))?.get(usize::try_from(subtree.number).ok()?).copied()
    }
}

fn write_keys(folder: &Path) {
    let key = |(text, seed), kind| VerifierKey::new(name(text), kind, secret(seed).public());
    let (log, witness) = (key(LOG, KeyKind::Plain), key(WITNESS, KeyKind::Cosignature));
    let mut policy = String::new();
    write!(policy, "log {log}\nwitness one {witness}\nquorum one\n").unwrap();
    write(folder, "log.vkey", log.to_string());
    write(folder, "policy", policy);
}

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

fn write(folder: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}
