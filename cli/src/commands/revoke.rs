//! `headwater revoke`: ends a link for ever.

use std::fmt;

use clap::Args;
use protocol::UnixSeconds;
use serde::Serialize;

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::health;
use crate::secrets::SecretArg;

/// End a link that you made, for ever
///
/// From then on its gateway serves nothing by it, and what was behind it is released. Nobody can take back what somebody has read
/// already: `headwater audit-trail` shows who did.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater revoke @chart.link
  headwater revoke 5m3Yc0ZpFhfbN3x0c8mA8w5kF2lGm3Z0Yp1bS9nJd0A")]
pub(crate) struct Revoke {
    /// The link, preferably as @FILE, or its id
    link: SecretArg,
}

#[derive(Serialize)]
struct Answer {
    id: String,
    ended: UnixSeconds,
    label: Option<String>,
}

impl Revoke {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let id = health::required_id(&self.link.read()?)?;
        let entry = health::revoke(globals, id).await?;
        let ended = entry.ended.expect("it was just ended");
        globals.output().answer(&Answer { id: entry.id.to_string(), ended, label: entry.label })?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label.as_deref().unwrap_or("the link");
        writeln!(f, "{label}: revoked at {}; nobody opens it any more", self.ended)
    }
}
