//! A witness: cosigns checkpoints of logs that it knows, each of which continues the one before (C2SP tlog-witness).

use std::collections::HashMap;
use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use ledger::tlog::{
    ADD_CHECKPOINT_LEN_MAX, AddCheckpoint, KeyKind, KeyName, NotCosigned, TreeHash, VerifierKey, Witnessed,
};
use protocol::{SecretKey, UnixSeconds};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::{durable, server};

/// A witness with what it has cosigned last of each log.
#[derive(Debug)]
pub struct Witness {
    name: KeyName,
    secret: SecretKey,
    logs: Vec<VerifierKey>,
    folder: PathBuf,
    /// The decision and its being kept are one step: nobody else decides in between.
    known: Mutex<HashMap<KeyName, Witnessed>>,
    /// Held for as long as this lives: one process decides.
    _lock: File,
}

/// Why a witness does not start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum WitnessError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is not what a witness keeps", path.display())]
    Broken { path: PathBuf },
    #[error("another process is the witness in {}", path.display())]
    Locked { path: PathBuf },
}

/// What is kept of one log: a file of its own.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    origin: String,
    size: u64,
    root: TreeHash,
}

impl Witness {
    /// The witness in this folder, which is made when it is not there; for these logs alone.
    pub fn open(
        folder: &Path,
        name: KeyName,
        secret: SecretKey,
        logs: Vec<VerifierKey>,
    ) -> Result<Self, WitnessError> {
        let lock = folder.join("lock");
        let opened = durable::make_folder(folder)
            .and_then(|()| File::options().create(true).append(true).open(&lock))
            .map_err(|source| WitnessError::Io { path: lock, source })?;
        opened.try_lock().map_err(|_| WitnessError::Locked { path: folder.to_owned() })?;
        let mut known = HashMap::new();
        for origin in logs.iter().map(VerifierKey::name) {
            known.insert(origin.clone(), read(&path(folder, origin), origin)?);
        }
        Ok(Self { name, secret, logs, folder: folder.to_owned(), known: Mutex::new(known), _lock: opened })
    }

    /// What its cosignatures are verified with.
    pub fn key(&self) -> VerifierKey {
        VerifierKey::new(self.name.clone(), KeyKind::Cosignature, self.secret.public())
    }

    /// Serves `POST /add-checkpoint` on `listener` until `shutdown` completes.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let router = Router::new().route("/add-checkpoint", post(add_checkpoint)).with_state(Arc::new(self));
        server::serve(listener, router, shutdown).await;
    }

    /// The cosignature of the checkpoint in this request. What the witness knows then is durable before it is given.
    fn add(&self, request: AddCheckpoint) -> Result<String, Refused> {
        let admitted = request.admit(&self.logs)?;
        let origin = admitted.origin().clone();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.get(&origin).copied().unwrap_or_else(Witnessed::nothing);
        let cosignable = admitted.after(before)?;
        let witnessed = cosignable.witnessed();
        if witnessed != before {
            keep(&path(&self.folder, &origin), &origin, witnessed).map_err(Refused::Io)?;
            known.insert(origin, witnessed);
        }
        Ok(cosignable.cosignature(&self.name, &self.secret, UnixSeconds::from(SystemTime::now())))
    }
}

enum Refused {
    Not(NotCosigned),
    Io(io::Error),
}

impl From<NotCosigned> for Refused {
    fn from(why: NotCosigned) -> Self {
        Self::Not(why)
    }
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: Body) -> Response {
    let Ok(bytes) = to_bytes(body, ADD_CHECKPOINT_LEN_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let request = match AddCheckpoint::decode(&bytes) {
        Ok(request) => request,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    match tokio::task::block_in_place(|| witness.add(request)) {
        Ok(cosignature) => cosignature.into_response(),
        Err(Refused::Not(why)) => refuse(&why),
        Err(Refused::Io(error)) => {
            tracing::error!(%error, "cannot keep what was witnessed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn refuse(why: &NotCosigned) -> Response {
    let status = StatusCode::from_u16(why.status()).expect("the statuses of C2SP are statuses");
    match why.conflict_body() {
        Some(size) => (status, [(CONTENT_TYPE, "text/x.tlog.size")], size).into_response(),
        None => (status, why.to_string()).into_response(),
    }
}

/// A name of a log has slashes and whatever else; that of its file has not.
fn path(folder: &Path, origin: &KeyName) -> PathBuf {
    folder.join(format!("{}.json", blake3::hash(origin.as_str().as_bytes()).to_hex()))
}

fn read(path: &Path, origin: &KeyName) -> Result<Witnessed, WitnessError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Witnessed::nothing()),
        Err(source) => return Err(WitnessError::Io { path: path.to_owned(), source }),
    };
    let kept: Option<Kept> = serde_json::from_slice(&bytes).ok();
    let kept = kept.filter(|kept| kept.origin == origin.as_str());
    let Kept { size, root, .. } = kept.ok_or_else(|| WitnessError::Broken { path: path.to_owned() })?;
    Ok(Witnessed { size, root })
}

/// Writes beside the place and moves it there, both durable.
fn keep(path: &Path, origin: &KeyName, witnessed: Witnessed) -> io::Result<()> {
    let kept = Kept { origin: origin.to_string(), size: witnessed.size, root: witnessed.root };
    durable::replace(path, &serde_json::to_vec(&kept)?)?;
    durable::sync_name(path)
}
