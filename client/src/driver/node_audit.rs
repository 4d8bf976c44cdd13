//! Performing audits that are committed to: the commitment goes out, then the question, and whatever happens ends
//! in a transcript.

use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream;
use protocol::{
    AcknowledgedAudit, DrawnAudit, PlannedAudit, RevealError, SecretKey, Timing, Transcript, Unanswered,
    UnixSeconds, UnsignedTranscript,
};

use crate::client::Client;

/// Audits under way at the same time: all columns of a segment, however many there are.
const AUDITS_ABREAST: usize = 255;

/// The longest slice of one leaf, in bytes: what an audit may take is known before anything is drawn.
const LEAF_SLICE_LEN: u64 = 2458;

/// Measures one step of an audit.
struct Stopwatch {
    asked: UnixSeconds,
    start: Instant,
    within: Duration,
}

impl Stopwatch {
    fn start(within: Duration) -> Self {
        Self { asked: SystemTime::now().into(), start: Instant::now(), within }
    }

    fn stop(&self) -> Timing {
        Timing::new(self.asked, self.within, self.start.elapsed())
    }
}

/// See [`Client::commit_audit`].
pub(crate) async fn commit(
    client: &Client,
    audit: PlannedAudit,
    within: Duration,
) -> Result<AcknowledgedAudit, Box<UnsignedTranscript>> {
    let watch = Stopwatch::start(within);
    match client.wire.commit_audit(audit.node(), audit.commitment(), within).await {
        Ok(receipt) => audit.acknowledged(&receipt).map_err(|refused| {
            tracing::debug!(%refused, "not the receipt of this audit");
            Box::new(refused.audit.unanswered(Unanswered::Invalid, watch.stop()))
        }),
        Err(error) => {
            tracing::debug!(%error, "no receipt");
            Err(Box::new(audit.unanswered(error.unanswered(), watch.stop())))
        }
    }
}

/// See [`Client::run_audit`].
pub(crate) async fn run(client: &Client, audit: DrawnAudit, within: Duration) -> UnsignedTranscript {
    let request = audit.request();
    let watch = Stopwatch::start(within);
    let answer = client.wire.audit(audit.node(), request, within).await;
    let timing = watch.stop();
    match answer {
        Ok(_) if timing.took() > within => audit.unanswered(Unanswered::Late, timing),
        Ok((answer, slices)) => audit.answered(&answer, slices.into(), timing),
        Err(error) => {
            tracing::debug!(%error, "no answer");
            audit.unanswered(error.unanswered(), timing)
        }
    }
}

/// See [`Client::commit_audits`].
pub(crate) async fn commit_all(
    client: &Client,
    audits: Vec<PlannedAudit>,
    within: Duration,
) -> Vec<Result<AcknowledgedAudit, Box<UnsignedTranscript>>> {
    stream::iter(audits).map(|audit| commit(client, audit, within)).buffered(AUDITS_ABREAST).collect().await
}

/// See [`Client::run_audits`].
pub(crate) async fn run_all(
    client: &Client,
    audits: Vec<DrawnAudit>,
    within: Duration,
) -> Vec<UnsignedTranscript> {
    stream::iter(audits).map(|audit| run(client, audit, within)).buffered(AUDITS_ABREAST).collect().await
}

/// See [`Client::audit_nodes`].
pub(crate) async fn audit_nodes(
    client: &Client,
    auditor: &SecretKey,
    audits: Vec<PlannedAudit>,
    within: Duration,
) -> Result<Vec<Transcript>, RevealError> {
    let (mut transcripts, mut drawn) = (Vec::new(), Vec::new());
    // A node does not wait for our rate once it has signed a receipt.
    let leaves = audits.iter().map(|audit| u64::from(audit.commitment().body().terms().draws.get()));
    client.throttle.pass(leaves.sum::<u64>() * LEAF_SLICE_LEN).await;
    for committed in commit_all(client, audits, within).await {
        match committed {
            Ok(audit) => drawn.push(audit.draw(None)?),
            Err(ended) => transcripts.push(ended.sign(auditor)),
        }
    }
    let answered = run_all(client, drawn, within).await;
    transcripts.extend(answered.into_iter().map(|ended| ended.sign(auditor)));
    Ok(transcripts)
}
