//! `headwater stream list`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::streams::{self, KeptStream, KeptStreams};

/// List the streams that this account has made, on whatever machine
#[derive(Args, Debug)]
pub(super) struct List {}

#[derive(Serialize)]
struct Answer {
    streams: Vec<KeptStream>,
}

impl List {
    pub(super) async fn run(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        let Self {} = self;
        streams::learn(globals).await;
        globals.output().answer(&Answer { streams: KeptStreams::open(globals)?.all()? })?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for KeptStream { name, gateway, ended, pulled, .. } in &self.streams {
            let state = if ended.is_some() { "ended" } else { "open" };
            writeln!(f, "{state:5}  up to batch {pulled}  {name}  at {gateway}")?;
        }
        Ok(())
    }
}
