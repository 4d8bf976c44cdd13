//! The operator's command for warnings.

use std::process::Stdio;
use std::time::Duration;

use proofs::Cid;
use protocol::UnixSeconds;
use tokio::process::Command;

/// How long the command may run.
const HOOK_WITHIN: Duration = Duration::from_mins(1);

/// A call of the command: what it is told stands in its environment.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) command: String,
    pub(super) cid: Cid,
    pub(super) days: u16,
    pub(super) ends: UnixSeconds,
    pub(super) what: &'static str,
}

impl Call {
    /// Runs it; the error is for people.
    pub(super) async fn run(self) -> Result<(), String> {
        let mut command = Command::new("sh");
        command
            .args(["-c", &self.command])
            .env("HEADWATER_OBJECT", self.cid.to_string())
            .env("HEADWATER_DAYS", self.days.to_string())
            .env("HEADWATER_ENDS", self.ends.to_string())
            .env("HEADWATER_WARNING", self.what)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        match tokio::time::timeout(HOOK_WITHIN, command.status()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(status.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("it ran longer than {} s", HOOK_WITHIN.as_secs())),
        }
    }
}
