//! `headwater revoke`: ends a link, and makes what it opened worthless to whoever keeps it.

use std::fmt;

use account::{Change, Released, release_now};
use anyhow::{Context, bail};
use chunker::{AccountSecret, Coding, Link, Padding, RequiredTags};
use clap::Args;
use client::{Client, NodeRelease, PutOptions};
use proofs::Cid;
use protocol::Signed;
use serde::Serialize;
use serde_json::Value;
use sharing::{IndexPath, LinkId, LinkInquiry, ShareEnd, TrailWhat};

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::health;
use crate::membership::Network;
use crate::names::{Names, now};
use crate::secrets::SecretArg;
use crate::shares::{self, KeptShare, KeptShares};
use crate::trail::{TrailFile, facts_of_share};
use crate::{account as account_file, gateway_api};

/// End a link that you have made, and put what it shared under new keys
///
/// The gateway refuses the link from then on, and answers under way end. What was shared is then encrypted anew under another key and
/// address, in your index, and the nodes are asked to end the leases of the old parts: a key that somebody kept opens
/// nothing that is left. What was read before stays read; the gateway says how often that was. A node that confirms says that
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
    /// How often it was opened before, by the gateway's word.
    opened: Option<usize>,
    /// Who opened it, by their own word.
    readers: Vec<String>,
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
        if let Some(link) = health::known(globals, &text).await? {
            return health::revoke(globals, link).await;
        }
        // The text itself is not repeated: it may hold the secret.
        let id =
            shares::id_in(&text).ok_or_else(|| Usage::because("this is neither a link nor an id of one"))?;
        let known = KeptShares::open(globals)?;
        let share = known.get(id)?;
        let share = share.context("this machine knows of no such share: revoke it where it was made")?;
        let gateway =
            gateway_api::address(&share.gateway).map_err(|error| Usage::because(error.to_string()))?;
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let key = shares::share_key(names.account.secret(), id);
        // The gateway first: from here on nobody opens it.
        let end = Signed::sign(&key, &network.file.network, ShareEnd { id, issued: now() });
        let ended = shares::end(&gateway, &end).await;
        if let Err(error) = &ended {
            globals.output().note(format_args!("the link still opens: {error}; run this again"));
        } else {
            known.keep(&KeptShare { revoked: share.revoked.or(Some(now().get())), ..share.clone() })?;
            note(globals, names.account.secret(), &network, &share)?;
        }
        let inquiry = Signed::sign(&key, &network.file.network, LinkInquiry { after: 0, id, issued: now() });
        let accesses = shares::events_of(&gateway, &inquiry).await.ok();
        let payer = account_file::payer(names.account.secret());
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
        let answer = Answer::new(id, ended.is_ok(), accesses.as_deref(), files);
        let is_over = answer.is_over();
        globals.output().answer(&answer)?;
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

/// Writes into the audit trail that a share was revoked, the first time that it was.
fn note(
    globals: &Globals,
    secret: &AccountSecret,
    network: &Network,
    share: &KeptShare,
) -> anyhow::Result<()> {
    if share.revoked.is_some() {
        return Ok(());
    }
    let facts = facts_of_share(share, TrailWhat::LinkEnded, now());
    TrailFile::open(globals, secret, network.file.network)?.append(facts)
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
    fn new(id: LinkId, revoked: bool, events: Option<&[Value]>, files: Vec<Rekeyed>) -> Self {
        let opened = |event: &&Value| event["what"] == "opened" || event["what"] == "break_glass";
        let accesses: Option<Vec<&Value>> = events.map(|events| events.iter().filter(opened).collect());
        let readers = accesses.iter().flatten().filter_map(|event| event["who"].as_str());
        // A terminal must not do what a reader says.
        let mut readers: Vec<_> = readers.map(|who| who.replace(char::is_control, " ")).collect();
        readers.sort();
        readers.dedup();
        Self {
            id: id.to_string(),
            revoked,
            opened: accesses.map(|all| all.len()),
            readers,
            files,
            proves: PROVES,
        }
    }

    fn is_over(&self) -> bool {
        self.revoked && self.files.iter().all(|file| file.failed.is_none() && file.unconfirmed.is_empty())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.revoked { "the link opens no more" } else { "the link still opens" })?;
        match self.opened {
            Some(0) => writeln!(f, "it was never opened, by the gateway's word")?,
            Some(times) => writeln!(f, "it was opened {times} times before: what was read then stays read")?,
            None => writeln!(f, "the gateway does not say whether it was opened")?,
        }
        for who in &self.readers {
            writeln!(f, "  {who}, by their own word")?;
        }
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
