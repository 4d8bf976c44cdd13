//! `headwater revoke`: ends a link, and makes what it opened worthless to whoever keeps it.

mod elsewhere;

use std::fmt;

use account::{Change, Released, release_now};
use anyhow::{Context, bail};
use chunker::{Coding, Link, Padding, RequiredTags};
use clap::Args;
use client::{Client, NodeRelease, PutOptions};
use proofs::Cid;
use serde::Serialize;
use sharing::{IndexPath, TrailWhat};

use crate::arguments::Globals;
use crate::ends::{Ended, Ending};
use crate::failure::{Outcome, Usage};
use crate::health;
use crate::membership::Network;
use crate::names::{Names, now};
use crate::secrets::SecretArg;
use crate::shares::{self, KeptShare, KeptShares};
use crate::trail::{Asked, Reads, facts_of_share};
use crate::{account as account_file, gateway_api, holds};

/// End a link that you have made, and put what it shared under new keys
///
/// The gateway refuses the link from then on, and answers under way end. What was shared is then encrypted anew under another key and
/// address, in your index, and the nodes are asked to end the leases of the old parts: a key that somebody kept opens
/// nothing that is left. What was read before stays read; your audit trail has how often that was, by the gateway's word. A node that confirms says that
/// its lease has ended, no more.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater revoke @scan.link
  headwater revoke 3kTqz…                          by the id that `headwater shares` shows
  headwater revoke @scan.link --drop               and keep nothing of it in your index either")]
pub(crate) struct Revoke {
    /// The link: itself, @FILE, or - for standard input; or its id
    #[arg(value_name = "LINK|ID")]
    link: SecretArg,

    /// Do not encrypt the files anew: remove them from your index
    #[arg(long)]
    drop: bool,
}

#[derive(Serialize)]
struct Answer {
    id: String,
    /// When the gateway heard of it; none when it does not answer.
    revoked: bool,
    #[serde(flatten)]
    reads: Reads,
    files: Vec<Rekeyed>,
    proves: &'static str,
}

const PROVES: &str =
    "what was read before stays read; a node that confirms says that its lease has ended, no more";

#[derive(Serialize)]
struct Rekeyed {
    name: String,
    old: String,
    /// The new address; none for what is no longer in your index.
    new: Option<String>,
    /// Leases that nodes say they ended.
    ended: usize,
    /// Nodes that did not confirm, and why.
    unconfirmed: Vec<String>,
    /// Why it is not done.
    failed: Option<String>,
}

impl Revoke {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let text = self.link.read()?;
        if let Some(link) = health::known(globals, &text)? {
            return health::revoke(globals, link).await;
        }
        let secret = account_file::open(globals.account.as_deref(), globals.output())?;
        if let Some((id, gateway)) = elsewhere::health_link(&text, &secret)? {
            return health::revoke_elsewhere(globals, id, &gateway).await;
        }
        // The text itself is not repeated: it may hold the secret.
        let id =
            shares::id_in(&text).ok_or_else(|| Usage::because("this is neither a link nor an id of one"))?;
        match KeptShares::open(globals)?.get(id)? {
            Some(share) => self.share(globals, share, true).await,
            None => self.share(globals, elsewhere::share(globals, &text, &secret).await?, false).await,
        }
    }

    /// Ends a share: the gateway first, from here on nobody opens it. `is_here`: this machine has made it.
    async fn share(self, globals: &Globals, share: KeptShare, is_here: bool) -> anyhow::Result<Outcome> {
        let (id, output) = (share.id()?, globals.output());
        let gateway =
            gateway_api::address(&share.gateway).map_err(|error| Usage::because(error.to_string()))?;
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let secret = names.account.secret().clone();
        let ending = Ended { globals, secret: &secret, network: network.file.network, id };
        let mut trail = ending.open_trail(facts_of_share(&share, TrailWhat::LinkEnded, now()));
        let ended = ending.end(&gateway, Ending::Share, &mut trail).await;
        let known = KeptShares::open(globals)?;
        if is_here && ended {
            known.keep(&KeptShare { revoked: share.revoked.or(Some(now().get())), ..share.clone() })?;
        }
        let asked = if is_here { Some(Asked::share(&share)?) } else { None };
        let reads = ending.reads(asked, trail.as_mut()).await;
        let payer = account_file::payer(&secret);
        let rekey = async |client: &Client| {
            names.pull(client).await?;
            let coding = network.usual_coding(client)?;
            let mut files = Vec::new();
            for file in &share.files {
                let cid: Cid = file.cid.parse().context("the list of shares is damaged")?;
                let mut done = Rekeyed::new(&file.name, cid);
                if let Err(error) = self.rekey(&mut names, client, coding, cid, &mut done).await {
                    done.failed = Some(format!("{error:#}"));
                }
                files.push(done);
            }
            names.push(client, coding).await?;
            Ok(files)
        };
        let files = network.with_client(Some(payer), rekey).await?;
        let answer = Answer { id: id.to_string(), revoked: ended, reads, files, proves: PROVES };
        let is_over = answer.is_over() && trail.is_some();
        output.answer(&answer)?;
        Ok(if is_over { Outcome::Complete } else { Outcome::Incomplete })
    }

    /// Puts an object again under new keys for the names that it has, then ends the leases of the old one.
    async fn rekey(
        &self,
        names: &mut Names,
        client: &Client,
        coding: Coding,
        old: Cid,
        done: &mut Rekeyed,
    ) -> anyhow::Result<()> {
        let paths: Vec<IndexPath> = names.local.index().paths_of(old).cloned().collect();
        holds::check(names.local.index(), &paths)?;
        if self.drop {
            let gone = paths.iter().map(|path| Change::Gone(sharing::EntryName::File(path.clone()), now()));
            let gone = gone.collect();
            names.local.release_later(old, now())?;
            names.local.write(gone).context("cannot write to your index")?;
        } else if !paths.is_empty() {
            done.new = Some(put_again(names, client, coding, old, &paths).await?.to_string());
        } else {
            names.local.release_later(old, now())?;
        }
        done.report(release_now(client, &names.account, &names.local, old).await?);
        Ok(())
    }
}

/// The address of the same plaintext under another key; the index has it in place of the old one.
async fn put_again(
    names: &mut Names,
    client: &Client,
    coding: Coding,
    old: Cid,
    paths: &[IndexPath],
) -> anyhow::Result<Cid> {
    let entry = names.file(&paths[0])?.clone();
    if entry.erasable.is_some() {
        bail!("it is erasable: `headwater rm` destroys its key");
    }
    let manifest = client.manifest(&old).await?;
    let key = names.account.secret().content_key(&manifest.salt());
    let object = client.open(&Link::new(old, key)).await?;
    let options = PutOptions {
        coding,
        padding: Padding::Padme,
        name: object.name().map(str::to_owned),
        media_type: object.media_type().map(str::to_owned),
        expires: entry.until,
        required: RequiredTags::default(),
        secrets: names.account.new_secrets(),
    };
    let report = client.put(object.reader(), options, |_| ()).await.context("cannot encrypt it anew")?;
    let mut changes = Vec::new();
    for path in paths {
        let entry = names.file(path)?.clone();
        changes.push(Change::File(path.clone(), sharing::FileEntry { object: report.cid, ..entry }));
    }
    names.local.write(changes).context("cannot write to your index")?;
    names.local.release_later(old, now())?;
    Ok(report.cid)
}

impl Rekeyed {
    fn new(name: &str, old: Cid) -> Self {
        Self {
            name: name.to_owned(),
            old: old.to_string(),
            new: None,
            ended: 0,
            unconfirmed: Vec::new(),
            failed: None,
        }
    }

    fn report(&mut self, released: Released) {
        match released {
            Released::Asked(report) => {
                self.ended = report.ended();
                self.unconfirmed = report
                    .nodes
                    .iter()
                    .filter_map(|(node, said)| match said {
                        NodeRelease::Unconfirmed(reason) => Some(format!("{}: {reason}", node.fmt_short())),
                        NodeRelease::Ended(_) | NodeRelease::HeldNothing => None,
                    })
                    .collect();
            }
            Released::Unknown => {}
            Released::NotOurs => self.failed = Some("another account put it".to_owned()),
            Released::Later(error) => {
                self.failed = Some(format!("it is tried again by later commands: {error}"));
            }
        }
    }
}

impl Answer {
    fn is_over(&self) -> bool {
        self.revoked && self.files.iter().all(|file| file.failed.is_none() && file.unconfirmed.is_empty())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.revoked { "the link opens no more" } else { "the link still opens" })?;
        write!(f, "{}", self.reads)?;
        for file in &self.files {
            let new = file.new.as_ref().map_or(String::new(), |new| format!(", encrypted anew as {new}"));
            writeln!(f, "{}: {} leases of the old parts ended{new}", file.name, file.ended)?;
            for line in file.unconfirmed.iter().chain(&file.failed) {
                writeln!(f, "  not confirmed: {line}")?;
            }
        }
        writeln!(f, "{}", self.proves)
    }
}

#[cfg(test)]
mod tests {
    use sharing::LinkId;

    use super::*;

    #[test]
    fn an_id_is_found_in_a_link_and_alone() {
        let id = LinkId::from_bytes([7; 32]);
        for text in
            [id.to_string(), format!("https://g.example/s/{id}"), format!("http://[::1]:1/s/{id}#abc.p")]
        {
            assert_eq!(shares::id_in(&text), Some(id), "{text}");
        }
        assert_eq!(shares::id_in("https://g.example/s/short#x"), None);
    }
}
