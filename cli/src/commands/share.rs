//! `headwater share`: gives others a link to files, and with it the right to read them.

use std::path::PathBuf;

use clap::Args;
use reqwest::Url;

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::gateway_api;
use crate::health::{HealthArgs, Wish};
use crate::quantity::Duration;
use crate::secrets::SecretArg;

/// Make a link by which others read files of yours, until you revoke it
///
/// With --health it is a SMART Health Link, which readers of health records understand: the files are encrypted here, and the gateway
/// that serves them has no key. The link is all that stands on standard output: whoever has it may read.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater share --health labs.json                          prints shlink:/…, and a QR code to a terminal
  headwater share --health chart.json --long-term --passcode @code --label \"For Dr. Ng\" --qr code.svg
  headwater share --health --update @chart.link chart.json    puts a newer file behind the same link
  headwater revoke @chart.link")]
pub(crate) struct Share {
    /// The files
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// The gateway that serves them [default: that of the network file]
    #[arg(long, value_name = "URL", value_parser = gateway_api::address)]
    gateway: Option<Url>,

    /// How long the link opens, such as 7d [default: until it is revoked]
    #[arg(long, value_name = "TIME")]
    expires: Option<Duration>,

    /// A passcode that readers have to show besides, preferably as @FILE
    #[arg(long, value_name = "PASSCODE")]
    passcode: Option<SecretArg>,

    /// With how many wrong passcodes in all the link closes for ever [default: 5]
    #[arg(long, value_name = "N", requires = "passcode", value_parser = clap::value_parser!(u8).range(1..=100))]
    attempts: Option<u8>,

    /// What readers see the link called
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,

    #[command(flatten)]
    health: HealthArgs,
}

impl Share {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let Self { files, gateway, expires, passcode, attempts, label, health } = self;
        if !health.is_wanted() {
            return Err(Usage::because("say --health: this program makes links of no other kind"));
        }
        health.run(Wish { files, gateway, expires, passcode, attempts, label }, globals).await
    }
}
