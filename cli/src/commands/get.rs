//! `headwater get`: reads an object back from the network, or a publication from gateways.

mod age_copy;
mod granted;
mod names;
mod object;
mod publication;
mod range;
mod records;

use std::path::PathBuf;

use clap::Args;
use publishing::download::WatchAddress;
use sharing::{GrantLink, RecordLink};

use self::range::ByteRange;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::packs;
use crate::paying::PaySettings;
use crate::secrets::SecretArg;

/// Read a file back from the network, or a publication from gateways
///
/// A link is read from the nodes of the network. A publication is read from the gateway in its address and from those that are named
/// besides, none of which needs to be trusted: the address says what the bytes must be. Every byte is verified before it is written.
/// A file or a folder appears under its name only when it is there whole. With --json the answer says what was read: on standard
/// output, or on standard error where the data is there.
///
/// Nodes that sell what is read from them are paid out of --collateral, by vouchers under a key of this machine's own, which
/// `headwater ledger top-up --key` gives funds. Without it they give no more than one credit.
///
/// The link of a grant reads the file that was granted to you, in its newest version; of several, GRANT/FILE.
///
/// Of a folder of records (`headwater put --pack`), LINK/RECORD and NAME/RECORD read one record, or what lies in a folder of them; the
/// link or name alone reads all of them into a folder.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater get @film.link -o copy.mp4
  headwater get /films/river.mp4 -o copy.mp4       by its name in your index
  headwater get @film.link | ffplay -
  headwater get @film.link --range 0-65535 | file -
  wl-paste | headwater get - -o copy.mp4           the link comes from the clipboard
  headwater get @film.link -o copy.mp4 --ledger https://ledger.example --collateral 2
  headwater get /records/patients/1.json
  headwater get /records/patients -o patients
  headwater get /films/river.mp4 --age age1… -o river.mp4.age      for somebody who has age, and not this program
  headwater get https://gateway.example/watch/ID   the film, its subtitles and its attachments, in a folder
  headwater get https://gateway.example/watch/ID --track video-720 --gateway https://other.example | ffplay -")]
pub(crate) struct Get {
    /// The link: itself, @FILE, or - for standard input; the name of a file of yours, from / on; or the address at which a publication plays
    #[arg(value_name = "LINK|NAME|ADDRESS")]
    what: SecretArg,

    /// Where to write; - for standard output [default: standard output, or on a terminal the name that the link knows;
    /// for a publication its title]
    #[arg(short, long, value_name = "FILE|FOLDER")]
    output: Option<PathBuf>,

    /// Of an object, only the bytes from A to B, both included: A-B, A- or -N for the last N
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    range: Option<ByteRange>,

    /// Encrypt what is written to this recipient of age, or those in the lines of @FILE; may be repeated
    #[arg(long, value_name = "RECIPIENT|@FILE", conflicts_with_all = ["link", "track"])]
    age: Vec<String>,

    /// Of a folder of records: print a link to this one record, which reads no other one
    #[arg(long, conflicts_with_all = ["output", "range", "track"])]
    link: bool,

    /// Of a publication, only this track, as one file
    #[arg(long, value_name = "ID")]
    track: Option<String>,

    /// Of a publication: another gateway to turn to; may be repeated
    #[arg(long = "gateway", value_name = "URL")]
    gateways: Vec<String>,

    #[command(flatten)]
    pay: PaySettings,
}

impl Get {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let what = self.what.read()?;
        if what.starts_with("http://") || what.starts_with("https://") {
            if self.range.is_some() {
                return Err(Usage::because("--range is for links; of a publication, --track chooses a part"));
            }
            if !self.age.is_empty() {
                return Err(Usage::because("--age is for files; a publication is for everybody"));
            }
            let address = what.parse::<WatchAddress>();
            let address =
                address.map_err(|error| Usage::because(format!("nothing plays at {}: {error}", *what)))?;
            return self.publication(&address, globals).await;
        }
        if self.track.is_some() || !self.gateways.is_empty() {
            return Err(Usage::because(
                "--track and --gateway are for publications; a link is read from the nodes of the network",
            ));
        }
        if RecordLink::is_meant_by(&what) {
            let link = what.parse().map_err(|error| Usage::because(format!("{error}")))?;
            return self.record(&link, globals).await;
        }
        if GrantLink::is_meant_by(&what) {
            return self.grant(&what, globals).await;
        }
        let (link, inside) = packs::link_and_path(&self.what, &what, globals).await?;
        self.object(&link, inside.as_ref(), globals).await
    }
}
