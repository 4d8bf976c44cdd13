//! Checking a transcript with nothing but itself.

use iroh_base::Signature;

use super::answer::{AuditAnswer, Judged};
use super::beacon::Reveal;
use super::commitment::AuditCommitment;
use super::encoding::{self, Body, Fields, PickFields};
use super::outcome::{Ending, Outcome};
use super::picks::AuditPicks;
use super::selection::{Selected, check_selection};
use super::transcript::{Account, Drawn, Pick, Timing, Transcript, TranscriptError};
use crate::{Record, RecordHeading, Signed, Unverified};

/// The transcript, when signatures, seed, selection, answer, outcomes and slices fit together.
pub(super) fn verify(fields: Fields) -> Result<Transcript, TranscriptError> {
    let Fields { body, sig, slices, .. } = fields;
    let commitment = commitment(&body)?;
    let ending = Ending::from_parts(&body.ended, body.code)?;
    let timing = Timing { asked: body.asked, within_ms: body.within, took_ms: body.took };
    let slices = slices.map(serde_bytes::ByteBuf::into_vec);
    let drawn = drawn(body, &commitment, ending, slices.as_deref())?;
    if ending == Ending::Answered && timing.took_ms > timing.within_ms {
        return Err(contradiction(ending, "the answer came after the deadline"));
    }
    if slices.is_some() && ending != Ending::Answered {
        return Err(contradiction(ending, "slices are attached"));
    }
    let account = Account { commitment, timing, ending, drawn };
    let signature = Signature::from_bytes(&sig);
    let signed_bytes = encoding::signed_bytes(&account);
    let verified = account.commitment.by().verify(&signed_bytes, &signature);
    verified.map_err(|_| TranscriptError::Signature)?;
    Ok(Transcript::new(account, signature, slices))
}

fn commitment(body: &Body) -> Result<Signed<AuditCommitment>, TranscriptError> {
    let bytes = body.commitment.as_bytes();
    let failed = |source| TranscriptError::Record { which: "commitment", source };
    let network = RecordHeading::decode(bytes).map_err(failed)?.network();
    Signed::decode(bytes, &network).map_err(failed)
}

fn drawn(
    body: Body,
    commitment: &Signed<AuditCommitment>,
    ending: Ending,
    slices: Option<&[u8]>,
) -> Result<Option<Drawn>, TranscriptError> {
    let Body { receipt, reveal, picks, answer, .. } = body;
    let (receipt, reveal) = match (receipt, reveal) {
        (Some(receipt), Some(reveal)) => (record("receipt", &receipt, commitment)?, Reveal::from(reveal)),
        (None, None) if picks.is_empty() && answer.is_none() && ending != Ending::Answered => {
            return Ok(None);
        }
        _ => return Err(contradiction(ending, "receipt, secret, picks and answer are not there together")),
    };
    receipt.acknowledges(commitment)?;
    let terms = commitment.body().terms();
    reveal.opens(&terms.secret, terms.beacon)?;
    let seed = reveal.seed(&terms.node, &receipt.digest());
    let shards = picks.iter().map(|pick| (pick.shard(), pick.path.clone())).collect();
    let selected = check_selection(&terms.set, &seed, terms.draws, shards)?;
    let judged = picks.iter().map(judged).collect::<Result<Vec<_>, _>>()?;
    let answer = match (ending, answer) {
        (Ending::Answered, Some(answer)) => {
            Some(check_answer(&answer, commitment, &selected, &judged, slices)?)
        }
        (Ending::Unanswered(why), None) => {
            let expected = Judged { outcome: Outcome::from(why), proof: None };
            if judged.iter().any(|judged| *judged != expected) {
                return Err(contradiction(ending, "a pick ended otherwise"));
            }
            None
        }
        _ => return Err(contradiction(ending, "the answer is missing or too much")),
    };
    let picks =
        selected.into_iter().zip(judged).map(|(selected, judged)| Pick::new(selected, judged)).collect();
    Ok(Some(Drawn { receipt, reveal, picks, answer }))
}

fn check_answer(
    answer: &Unverified<AuditAnswer>,
    commitment: &Signed<AuditCommitment>,
    selected: &[Selected],
    judged: &[Judged],
    slices: Option<&[u8]>,
) -> Result<Signed<AuditAnswer>, TranscriptError> {
    let answer = record("answer", answer, commitment)?;
    let challenges = selected.iter().map(|selected| selected.challenge.clone()).collect();
    let picks = AuditPicks::new(challenges).expect("the selection was checked");
    answer.answers(&commitment.body().terms().node, &commitment.digest(), &picks)?;
    answer.body().check(judged)?;
    if let Some(slices) = slices
        && answer.body().judge(&picks, slices)? != judged
    {
        return Err(contradiction(Ending::Answered, "the slices prove something else"));
    }
    Ok(answer)
}

fn record<T: Record>(
    which: &'static str,
    bytes: &Unverified<T>,
    commitment: &Signed<AuditCommitment>,
) -> Result<Signed<T>, TranscriptError> {
    bytes.verify(&commitment.network()).map_err(|source| TranscriptError::Record { which, source })
}

fn judged(pick: &PickFields) -> Result<Judged, TranscriptError> {
    Ok(Judged { outcome: pick.outcome()?, proof: pick.proof })
}

fn contradiction(ending: Ending, what: &'static str) -> TranscriptError {
    TranscriptError::Contradiction { ending: ending.name(), what }
}
