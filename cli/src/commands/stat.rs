//! `headwater stat`: where the shards of an object are, and whether they are there.

use clap::Args;

use super::audit;
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::secrets::SecretArg;

/// Show an object and every one of its shards
///
/// The state of a shard is not what its node claims: the node has to prove just now that it can produce one
/// leaf of it, drawn at random. `headwater audit` draws more, and fails when anything is not whole.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater stat @film.link
  headwater stat /films/river.mp4
  headwater stat @film.link --json | jq '.parts[] | select(.state != \"proved\")'")]
pub(crate) struct Stat {
    /// The link, or the address alone: itself, @FILE, or - for standard input; or the name of a file of yours, from / on
    target: SecretArg,
}

impl Stat {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        audit::examine(globals, &self.target, audit::ONE_LEAF).await?;
        Ok(Outcome::Complete)
    }
}
