//! The one writer: jobs that arrive together become durable together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use protocol::{Code, Refusal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use crate::store::{Done, Job, Store};

/// Most jobs in one group.
const GROUP_JOBS_MAX: usize = 256;
/// How long a group waits for uploads that are about to end, in milliseconds.
const GROUP_WAIT_MS: u64 = 5;
/// Most jobs that wait for the group before theirs.
const QUEUE_MAX: usize = 512;

type Answer = Result<Done, Refusal>;
type Waiting = (Job, oneshot::Sender<Answer>);

/// Hands jobs to the writer. The writer ends when all of these are gone.
#[derive(Clone, Debug)]
pub(crate) struct Committer {
    queue: mpsc::Sender<Waiting>,
    coming: Arc<AtomicUsize>,
}

/// Announces a job, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Coming(Arc<AtomicUsize>);

impl Drop for Coming {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Committer {
    pub(crate) fn start(store: Arc<Store>) -> (Self, JoinHandle<()>) {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let coming = Arc::new(AtomicUsize::new(0));
        let writer = tokio::spawn(write_groups(store, jobs, coming.clone()));
        (Self { queue, coming }, writer)
    }

    /// Says that a job will come soon, so that a group may wait for it.
    pub(crate) fn announce(&self) -> Coming {
        self.coming.fetch_add(1, Ordering::Relaxed);
        Coming(self.coming.clone())
    }

    /// Returns when the job is durable, or refused.
    pub(crate) async fn commit(&self, job: Job) -> Answer {
        let (answer, answered) = oneshot::channel();
        let stopped = || Refusal::new(Code::Internal, "the node is shutting down");
        self.queue.send((job, answer)).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

async fn write_groups(store: Arc<Store>, mut jobs: mpsc::Receiver<Waiting>, coming: Arc<AtomicUsize>) {
    while let Some(first) = jobs.recv().await {
        let group = gather(first, &mut jobs, &coming).await;
        let store = store.clone();
        let (jobs, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let written = spawn_blocking(move || store.commit(jobs)).await;
        // A panic in the store answers nobody: those who wait are told that the node failed.
        for (outcome, answer) in written.unwrap_or_default().into_iter().zip(answers) {
            // The one who asked may have left; the job is done all the same.
            drop(answer.send(outcome));
        }
    }
}

async fn gather(first: Waiting, jobs: &mut mpsc::Receiver<Waiting>, coming: &AtomicUsize) -> Vec<Waiting> {
    let deadline = Instant::now() + Duration::from_millis(GROUP_WAIT_MS);
    let mut group = vec![first];
    while group.len() < GROUP_JOBS_MAX {
        if let Ok(job) = jobs.try_recv() {
            group.push(job);
        } else if coming.load(Ordering::Relaxed) > 0 {
            match timeout_at(deadline, jobs.recv()).await {
                Ok(Some(job)) => group.push(job),
                Ok(None) | Err(_) => break,
            }
        } else {
            break;
        }
    }
    group
}
