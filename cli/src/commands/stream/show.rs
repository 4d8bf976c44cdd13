//! `headwater stream show`: the file of a device once more.

use account::StreamKeys;
use anyhow::bail;
use clap::Args;

use super::create::Answer;
use crate::account as account_file;
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::names::parse_path;
use crate::streams::{self, KeptStreams};

/// Print the file that the device of a stream needs, as `create` has printed it
///
/// All that is in it follows from your account, so that it is never lost. Whoever has it writes in the device's name: where it may have come into
/// other hands, end the stream and create another one.
#[derive(Args, Debug)]
pub(super) struct Show {
    /// The folder of records of the stream
    name: String,
}

impl Show {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let path = parse_path(&self.name)?;
        let secret = account_file::open(globals.account.as_deref(), globals.output())?;
        streams::learn(globals).await;
        let stream = KeptStreams::open(globals)?.named(&path)?;
        if stream.ended.is_some() {
            bail!("the stream {path} has ended: nothing is taken of its device");
        }
        let keys = StreamKeys::derive(&secret, stream.id()?);
        globals.output().answer(&Answer::new(stream, &keys))?;
        Ok(Outcome::Complete)
    }
}
