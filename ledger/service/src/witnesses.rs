//! Asking witnesses to cosign (C2SP tlog-witness), and what a policy says to the answer.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use ledger::tlog::{
    AddCheckpoint, Checkpoint, NOTE_LEN_MAX, Policy, PolicyError, SignedNote, TreeHash, VerifierKey,
    parse_conflict, with_cosignature,
};
use reqwest::{Client, StatusCode};

use crate::log::{Published, judged};

/// A witness has this long to answer.
const WITNESS_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a witness is asked in a row: the second time it has said how far it is.
const ROUNDS: usize = 2;

/// Everybody whom a policy names, and how far they are.
#[derive(Debug)]
pub(crate) struct Witnesses {
    policy: Policy,
    http: Client,
    /// The size that each has cosigned last, as far as we know.
    known: HashMap<String, u64>,
}

impl Witnesses {
    /// The witnesses of this policy, which names the log.
    pub(crate) fn new(policy: &str, http: Client) -> Result<Self, PolicyError> {
        Ok(Self { policy: Policy::parse(policy)?, http, known: HashMap::new() })
    }

    pub(crate) fn are_any(&self) -> bool {
        self.policy.witnesses().any(|(_, url)| url.is_some())
    }

    /// What the policy says to this checkpoint.
    pub(crate) fn judge(&self, note: SignedNote, checkpoint: Checkpoint) -> Published {
        let said = self.policy.accept(&note).map(|accepted| accepted.witnessed_by);
        judged(note, checkpoint, &said)
    }

    /// Adds to the note what the witnesses say that have not cosigned it.
    pub(crate) async fn ask(
        &mut self,
        note: &mut SignedNote,
        size: u64,
        proof_from: impl Fn(u64) -> Option<Vec<TreeHash>>,
    ) {
        let asked = self.policy.witnesses().filter_map(|(key, url)| {
            let is_missing = matches!(note.verify(key), Ok(None));
            let url = url.filter(|_| is_missing)?;
            let old = self.known.get(url).copied().unwrap_or(0);
            Some(ask_one(&self.http, url, key, note, (old, size), &proof_from))
        });
        for (url, far, cosigned) in join_all(asked).await {
            self.known.insert(url, far);
            if let Some((answer, key)) = cosigned {
                *note = with_cosignature(note, &answer, &key).unwrap_or_else(|| note.clone());
            }
        }
    }
}

/// The policy for the log with this key: its witnesses, and what it says of other logs left out. Without one, nobody is asked.
pub(crate) fn policy_of(log: &VerifierKey, policy: Option<&str>) -> String {
    let is_log = |line: &&str| line.split_whitespace().next() == Some("log");
    let rest = policy.unwrap_or("quorum none").lines().filter(|line| !is_log(line));
    let lines: Vec<&str> = rest.collect();
    format!("log {log}\n{}\n", lines.join("\n"))
}

type Cosigned = Option<(Vec<u8>, VerifierKey)>;

/// How far a witness is now, and its cosignature.
async fn ask_one(
    http: &Client,
    url: &str,
    key: &VerifierKey,
    note: &SignedNote,
    (mut old, size): (u64, u64),
    proof_from: &impl Fn(u64) -> Option<Vec<TreeHash>>,
) -> (String, u64, Cosigned) {
    for _ in 0..ROUNDS {
        // A witness that is further than we are has seen a log of ours that we have lost; we do not lie to it.
        let Some(proof) = proof_from(old) else { break };
        let body = AddCheckpoint { old, proof, checkpoint: note.clone() }.encode();
        let answer = match post(http, url, body).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(witness = %key.name(), %error, "a witness does not answer");
                break;
            }
        };
        match answer {
            (StatusCode::OK, body) if with_cosignature(note, &body, key).is_some() => {
                return (url.to_owned(), size, Some((body, key.clone())));
            }
            (StatusCode::CONFLICT, body) => match parse_conflict(&body) {
                Some(known) => old = known,
                None => break,
            },
            (status, _) => {
                tracing::warn!(witness = %key.name(), %status, "a witness does not cosign");
                break;
            }
        }
    }
    (url.to_owned(), old, None)
}

async fn post(http: &Client, url: &str, body: String) -> Result<(StatusCode, Vec<u8>), reqwest::Error> {
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let mut response = http.post(url).body(body).timeout(WITNESS_TIMEOUT).send().await?;
    let (status, mut bytes) = (response.status(), Vec::new());
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > NOTE_LEN_MAX {
            break;
        }
    }
    Ok((status, bytes))
}
