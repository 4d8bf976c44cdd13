//! `headwater stream pull`: what waits at the gateway, into the folder of records.

use std::fmt;

use account::{Account, Opened, PackPut, Packed, StreamKeys};
use anyhow::{Context, bail};
use chunker::{Coding, RequiredTags};
use clap::Args;
use client::Client;
use futures_util::stream;
use protocol::Signed;
use reqwest::Url;
use serde::Serialize;
use sharing::{
    BatchNumber, IndexPath, KeptBatch, PackRef, STREAM_BATCHES_MAX, STREAM_BYTES_MAX, StreamInquiry,
};

use crate::arguments::Globals;
use crate::counted::counted;
use crate::failure::Outcome;
use crate::membership::Network;
use crate::names::{Names, now, parse_path};
use crate::packs::{self, Folder};
use crate::quantity::Duration;
use crate::streams::{self, KeptStream, KeptStreams};
use crate::{account as account_file, ends, gateway_api, grants, smaller_coding};

/// Fetch what a device has sent, and append it to the folder of records
///
/// Every batch is checked again with the device's key, and opened here. The gateway is told to forget batches when their records are in your
/// index, and not before; the same batch twice gives the same records.
#[derive(Args, Debug)]
pub(super) struct Pull {
    /// The folder of records
    name: String,

    /// How long the nodes keep the records
    #[arg(long, value_name = "TIME", default_value = "365d")]
    keep: Duration,

    /// Data and parity shards [default: what suits the number of nodes]
    #[arg(long, value_name = "K+M", env = "HEADWATER_CODING")]
    coding: Option<Coding>,
}

#[derive(Serialize, Default)]
struct Answer {
    name: String,
    batches: usize,
    records: usize,
    bytes: u64,
    packs: usize,
    /// Batches that did not open: each is a record as it came.
    unopened: Vec<Unopened>,
    /// Numbers that no batch had, from the first to the last: what was never sent, or was lost.
    missing: Vec<(u64, u64)>,
    /// The new catalogue.
    cid: Option<String>,
    /// Whether the network's index knows of it already.
    pushed: bool,
}

#[derive(Serialize)]
struct Unopened {
    number: u64,
    why: String,
}

/// What came, checked and opened.
#[derive(Default)]
struct Fetched {
    records: Vec<(IndexPath, Vec<u8>)>,
    last: Option<BatchNumber>,
    answer: Answer,
    /// Bytes of the batches.
    len: u64,
}

/// To which folder of records what came is appended.
struct Appending<'a> {
    globals: &'a Globals,
    network: &'a Network,
    account: &'a Account,
    /// The stream as it is when that is done.
    kept: &'a KeptStream,
    path: &'a IndexPath,
}

/// Where to ask, and in whose name.
struct Asking<'a> {
    gateway: Url,
    network: &'a Network,
    keys: StreamKeys,
}

impl Pull {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let known = KeptStreams::open(globals)?;
        let path = parse_path(&self.name)?;
        // Another machine may have made it, or fetched from it.
        streams::learn(globals).await;
        let _turn = known.turn(&known.named(&path)?)?;
        let mut kept = known.named(&path)?;
        let network = Network::load(globals.network.as_deref()).await?;
        let account = Account::new(account_file::open(globals.account.as_deref(), globals.output())?);
        let gateway = gateway_api::address(&kept.gateway).context("the list of streams is damaged")?;
        let asking =
            Asking { gateway, network: &network, keys: StreamKeys::derive(account.secret(), kept.id()?) };
        ends::send(globals, account.secret(), network.file.network).await?;
        let Fetched { mut records, last, mut answer, .. } = asking.fetch(&kept).await?;
        if let Some(folder) = known.folder_of(&kept)? {
            for (name, _) in &mut records {
                *name = IndexPath::new(format!("{folder}{name}")).context("a record has too long a name")?;
            }
        }
        answer.name = kept.name.clone();
        if let Some(last) = last {
            kept.pulled = last.get();
            let appending =
                Appending { globals, network: &network, account: &account, kept: &kept, path: &path };
            Box::pin(self.append(appending, records, &mut answer)).await?;
            known.keep(&kept)?;
            // It says that it is kept when it is, and if that does not arrive, the next time.
            if let Err(error) = asking.inquire(Some(last), Some(last)).await {
                globals.output().note(format_args!("the gateway keeps what was fetched for now: {error}"));
            }
        }
        let outcome = if answer.unopened.is_empty() { Outcome::Complete } else { Outcome::Incomplete };
        globals.output().answer(&answer)?;
        Ok(outcome)
    }

    /// Puts the records as one pack, and enters it into the folder.
    async fn append(
        &self,
        to: Appending<'_>,
        records: Vec<(IndexPath, Vec<u8>)>,
        answer: &mut Answer,
    ) -> anyhow::Result<()> {
        let Appending { globals, network, account, kept, path } = to;
        let payer = account_file::payer(account.secret());
        let put = async |client: &Client| {
            let index_coding = network.usual_coding(client)?;
            let coding = self.coding.unwrap_or(index_coding);
            let until = now().plus(self.keep.seconds());
            let put = PackPut { client, account, coding, required: RequiredTags::default(), until };
            let mut packed = Packed::default();
            let done = put.put(stream::iter(records.into_iter().map(Ok)), &mut packed, |_| ()).await;
            let objects: Vec<_> = packed.packs.iter().map(PackRef::object).collect();
            let mut names = Names::open(globals).await?;
            if let Err(error) = done {
                packs::release(client, &names, objects).await?;
                return Err(error.into());
            }
            names.pull(client).await?;
            let mut folder = Folder::open_or_new(client, &names, path).await?;
            let erasable = folder.file.as_ref().is_some_and(|file| file.erasable.is_some());
            answer.packs = packed.packs.len();
            folder.add(client, &names, packed.packs).await?;
            let written = folder.write(&put, &mut names, index_coding, erasable, objects).await?;
            answer.cid = Some(written.cid.to_string());
            // Whoever was granted the folder as a series reads what came.
            grants::publish_next(client, &mut names, index_coding, globals).await?;
            answer.pushed = written.pushed;
            streams::tell(client, &mut names, index_coding, kept).await;
            Ok(())
        };
        network.with_client(Some(payer), put).await.map_err(smaller_coding::suggest)
    }
}

impl Asking<'_> {
    /// All that waits, checked and opened.
    async fn fetch(&self, kept: &KeptStream) -> anyhow::Result<Fetched> {
        let pulled = BatchNumber::try_from(kept.pulled).ok();
        let mut fetched = Fetched { last: None, ..Fetched::default() };
        loop {
            let after = fetched.last.or(pulled);
            let batches = self.inquire(after, pulled).await?;
            if batches.is_empty() {
                return Ok(fetched);
            }
            for batch in batches {
                fetched.count(&batch)?;
                let number = batch.number;
                if Some(number) <= fetched.last.or(pulled) {
                    bail!("{} sends batch {number} once more", self.gateway);
                }
                let opened = self.keys.open(batch);
                let opened = opened.with_context(|| format!("{} sends batch {number}", self.gateway))?;
                fetched.take(number, opened, fetched.last.or(pulled));
            }
        }
    }

    async fn inquire(
        &self,
        after: Option<BatchNumber>,
        kept: Option<BatchNumber>,
    ) -> anyhow::Result<Vec<KeptBatch>> {
        let inquiry = StreamInquiry { after, id: self.keys.id(), issued: now(), kept };
        let signed = Signed::sign(self.keys.owner(), &self.network.file.network, inquiry);
        Ok(streams::inquire(&self.gateway, &signed).await?)
    }
}

impl Fetched {
    /// Fails where a gateway sends more than it may keep of a stream.
    fn count(&mut self, batch: &KeptBatch) -> anyhow::Result<()> {
        self.len += batch.batch.len() as u64;
        if self.answer.batches >= STREAM_BATCHES_MAX || self.len > STREAM_BYTES_MAX {
            bail!(
                "the gateway sends more of this stream than may wait there, {STREAM_BATCHES_MAX} batches and {STREAM_BYTES_MAX} bytes"
            );
        }
        Ok(())
    }

    /// Adds a batch that comes after the one with the number `before`.
    fn take(&mut self, number: BatchNumber, opened: Opened, before: Option<BatchNumber>) {
        let Opened { records, unopened } = opened;
        let next = before.map_or(1, |before| before.get() + 1);
        if next < number.get() {
            self.answer.missing.push((next, number.get() - 1));
        }
        if let Some(why) = unopened {
            self.answer.unopened.push(Unopened { number: number.get(), why: why.to_string() });
        }
        self.answer.batches += 1;
        self.answer.records += records.len();
        self.answer.bytes += records.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
        self.records.extend(records);
        self.last = Some(number);
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, batches, records, .. } = self;
        let (batches, records) = (counted(*batches as u64, "batch"), counted(*records as u64, "record"));
        writeln!(f, "{batches} with {records} came into {name}")?;
        for Unopened { number, why } in &self.unopened {
            writeln!(f, "batch {number} is there as it came: {why}")?;
        }
        for (first, last) in &self.missing {
            writeln!(f, "no batch had the numbers {first} to {last}")?;
        }
        Ok(())
    }
}
