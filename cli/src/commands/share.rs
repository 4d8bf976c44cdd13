//! `headwater share`: files for whoever has a link, at a gateway that cannot read them.

use std::fmt;
use std::path::{Path, PathBuf};

use account::{Account, Change};
use anyhow::Context;
use chunker::{Coding, Padding, RequiredTags};
use clap::Args;
use client::{Client, PutOptions, PutReport};
use protocol::{Signed, UnixSeconds};
use reqwest::Url;
use serde::Serialize;
use sharing::{
    Attempts, EntryName, FOLDER_TYPE, FileEntry, FileName, GUEST_LINK_S, HeaderFields, IndexPath, LinkId,
    MediaType, Passcode, SHARE_FILES_MAX, Share as Record, ShareContents, ShareContentsError, ShareKeys,
    ShareLabel, ShareLink, SharedFile, TrailWhat,
};
use tokio::io::AsyncRead;

use crate::arguments::Globals;
use crate::expiry::Expiry;
use crate::failure::{Outcome, Usage};
use crate::health::{HealthArgs, Wish};
use crate::membership::Network;
use crate::names::{Names, now};
use crate::passcode::PasscodeSource;
use crate::secrets::SecretArg;
use crate::shares::{self, FolderSource, KeptFile, KeptShare, KeptShares};
use crate::trail::{TrailFile, facts_of_share};
use crate::until_ended::UntilEnded;
use crate::{account as account_file, ends, gateway_api, media_type, membership};

/// Share files by a link that ends, at a gateway that cannot read them
///
/// The files are encrypted here, spread over the network with their lengths padded, and the link is all that opens them: the gateway keeps
/// their keys wrapped under the part of the link behind #, which no browser sends. It sees when the share is read and from where, how
/// large it is about, and no more. The link is all that stands on standard output: send it by a way that you trust,
/// and a passcode by another one. `headwater revoke` ends it before its time; what was read by then stays read.
///
/// More than 16 files, and folders, are shared as one folder. Up to five wrong passcodes are survived, from all readers together.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater share scan.pdf > scan.link
  headwater share chart/ --expires 2d --passcode --label 'For Dr. Ng'
  headwater share scan.pdf --patient 4711 --purpose TREAT
  headwater share --health labs.json                   a SMART Health Link: shlink:/…, and a QR code
  headwater share a.jpg b.jpg --passcode=@code.txt --gateway https://gateway.example --json | jq -r .link")]
pub(crate) struct Share {
    /// The files; a folder is shared with all that is in it
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The gateway at which it is read [default: that of the network file]
    #[arg(long, value_name = "URL")]
    gateway: Option<String>,

    /// When the link ends, and the nodes may forget the files: after a time such as 7d, or as a day such as 2026-12-24 begins
    #[arg(long, value_name = "TIME|DATE", default_value = "7d")]
    expires: Expiry,

    /// Ask for a passcode that readers need too; =@FILE or =- reads it instead
    #[arg(long, value_name = "SOURCE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    passcode: Option<PasscodeSource>,

    /// What readers see above the files
    #[arg(long)]
    label: Option<String>,

    /// The gateway's upload token, preferably as @FILE: it keeps links longer than 31 days for those who show it alone
    #[arg(long, value_name = "TOKEN")]
    upload_token: Option<SecretArg>,

    /// Data and parity shards [default: what suits the number of nodes]
    #[arg(long, value_name = "K+M", env = "HEADWATER_CODING")]
    coding: Option<Coding>,

    #[command(flatten)]
    health: HealthArgs,
}

#[derive(Serialize)]
struct Answer {
    link: String,
    id: String,
    gateway: String,
    expires: u64,
    passcode: bool,
    files: Vec<KeptFile>,
    /// Whether the network's index has the files already.
    pushed: bool,
}

/// Something to put: its bytes, and what readers are to know of it.
struct Item {
    source: Box<dyn AsyncRead + Send + Unpin>,
    len: u64,
    name: FileName,
    media_type: Option<MediaType>,
}

impl Share {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let token = self.upload_token.as_ref().map(SecretArg::read).transpose()?;
        if self.health.is_wanted() {
            let Self { files, gateway, expires, passcode, label, health, .. } = self;
            let expires = expires.duration()?;
            let wish = Wish { files, gateway, expires, passcode, label, token };
            return Box::pin(health.run(wish, globals)).await;
        }
        let (output, expires) = (globals.output(), self.expires.at()?);
        check_end(Some(expires), token.is_some())?;
        let network = Network::load(globals.network.as_deref()).await?;
        let gateway = gateway_of(self.gateway.as_deref(), &network)?;
        let label = self.label.clone().map(ShareLabel::new).transpose();
        let label = label.map_err(|error| Usage::because(error.to_string()))?;
        let items = self.items().await?;
        let passcode = self.passcode.as_ref().map(PasscodeSource::choose).transpose()?;
        let (patient, purpose) = (self.health.patient()?, self.health.purpose()?);
        let mut names = Names::open(globals).await?;
        let secret = names.account.secret().clone();
        let mut trail = TrailFile::open(globals, &secret, network.file.network)?;
        ends::send(globals, &secret, network.file.network).await?;
        // Before anything is stored: without its gateway nobody can read it.
        gateway_api::answers(&gateway).await.context("nothing was stored")?;
        let payer = account_file::payer(names.account.secret());
        let put = async |client: &Client| {
            let coding = self.coding.map_or_else(|| network.usual_coding(client), Ok)?;
            let mut put = Vec::new();
            for item in items {
                let name = item.name.as_str().to_owned();
                let progress = output.progress(format!("share {name}"), Some(item.len));
                let shared = put_item(client, &names.account, item, coding, expires, |read| {
                    progress.reached(read);
                });
                put.push(shared.await.with_context(|| format!("cannot share {name}"))?);
            }
            let index_coding = network.usual_coding(client)?;
            let pushed = list(&mut names, client, index_coding, &put, expires).await?;
            Ok((put, pushed))
        };
        let (put, pushed) = network.with_client(Some(payer), put).await?;
        let is_complete = put.iter().all(|(_, report)| report.is_complete());
        if !is_complete {
            output.note("it can be read, but not every shard found a node; `headwater repair` adds the rest");
        }
        let id = LinkId::from_bytes(membership::random());
        let files: Vec<SharedFile> = put.into_iter().map(|(file, _)| file).collect();
        let kept = self.kept(id, &gateway, expires, &files, passcode.is_some());
        let kept = KeptShare { patient, purpose, ..kept };
        let secret = shares::secret(names.account.secret(), id);
        let link = ShareLink::new(&kept.gateway, id, secret, passcode.is_some())
            .map_err(|error| Usage::because(format!("{}: {error}", kept.gateway)))?;
        let contents = ShareContents::new(files, now(), label)?;
        let record = record(&link, passcode, contents, expires).await?;
        let key = shares::share_key(names.account.secret(), id);
        let signed = Signed::sign(&key, &network.file.network, record);
        let registering =
            Registering { globals, gateway: &gateway, token: token.as_ref().map(|t| t.as_str()) };
        if let Err(error) = registering.register(&signed, &kept, &mut trail).await {
            if KeptShares::open(globals)?.get(link.id())?.is_none() {
                take_back(&mut names, &kept).context("what was stored stays in your index")?;
            }
            return Err(error);
        }
        output.note(format_args!("the link ends {expires}"));
        let KeptShare { id, gateway, passcode, files, .. } = kept;
        let expires = expires.get();
        output.answer(&Answer { link: link.to_string(), id, gateway, expires, passcode, files, pushed })?;
        Ok(if is_complete { Outcome::Complete } else { Outcome::Incomplete })
    }

    /// What is to be put: the files one by one, or all of them as a folder.
    async fn items(&self) -> anyhow::Result<Vec<Item>> {
        let is_one_by_one =
            self.files.len() <= SHARE_FILES_MAX && !self.files.iter().any(|path| path.is_dir());
        if is_one_by_one && self.fits()? {
            let mut items = Vec::new();
            for path in &self.files {
                items.push(file_item(path).await?);
            }
            return Ok(items);
        }
        let source = FolderSource::of(&self.files)?;
        let name = match self.files.as_slice() {
            [folder] => file_name(&folder.canonicalize()?)?,
            _ => FileName::new("files").expect("it is a name"),
        };
        let media_type = MediaType::new(FOLDER_TYPE).ok();
        Ok(vec![Item { len: source.len(), source: Box::new(source), name, media_type }])
    }

    /// Whether names and types of all files fit into a share.
    fn fits(&self) -> anyhow::Result<bool> {
        let mut files = Vec::new();
        for (at, path) in (0..).zip(&self.files) {
            let name = file_name(path)?;
            let media_type = media_type_of(&name);
            let object = proofs::Cid::of(&[at]);
            let key = chunker::ContentKey::from_bytes([0; 32]);
            files.push(SharedFile { key, len: u64::MAX, name, object, media_type });
        }
        let label = self.label.clone().and_then(|text| ShareLabel::new(text).ok());
        let fitting = ShareContents::new(files, UnixSeconds::new(u64::MAX), label);
        Ok(!matches!(fitting, Err(ShareContentsError::TooLong { .. })))
    }

    fn kept(
        &self,
        id: LinkId,
        gateway: &Url,
        expires: UnixSeconds,
        files: &[SharedFile],
        passcode: bool,
    ) -> KeptShare {
        KeptShare {
            expires: Some(expires.get()),
            passcode,
            label: self.label.clone(),
            ..KeptShare::new(
                id,
                gateway.origin().ascii_serialization(),
                now(),
                files.iter().map(KeptFile::from),
            )
        }
    }
}

/// The gateway that the user names, or that of the network.
pub(crate) fn gateway_of(named: Option<&str>, network: &Network) -> anyhow::Result<Url> {
    match named {
        Some(text) => gateway_api::address(text).map_err(|error| Usage::because(error.to_string())),
        None => network.gateway.clone().ok_or_else(|| {
            Usage::because("the network file names no gateway; say --gateway https://gateway.example")
        }),
    }
}

async fn file_item(path: &Path) -> anyhow::Result<Item> {
    let file = tokio::fs::File::open(path).await.with_context(|| shares::unreadable(path))?;
    let len = file.metadata().await?.len();
    let name = file_name(path)?;
    let media_type = media_type_of(&name);
    Ok(Item { source: Box::new(file), len, name, media_type })
}

fn file_name(path: &Path) -> anyhow::Result<FileName> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{} has no name that can be shared", path.display()))?;
    FileName::new(name).map_err(|error| Usage::because(format!("{}: {error}", path.display())))
}

fn media_type_of(name: &FileName) -> Option<MediaType> {
    media_type::of_name(name.as_str()).and_then(|text| MediaType::new(text).ok())
}

/// Puts one object under keys of its own, its length padded.
async fn put_item(
    client: &Client,
    account: &Account,
    item: Item,
    coding: Coding,
    expires: UnixSeconds,
    progress: impl Fn(u64) + Send,
) -> anyhow::Result<(SharedFile, PutReport)> {
    let Item { source, name, media_type, .. } = item;
    let options = PutOptions {
        coding,
        padding: Padding::Padme,
        name: Some(name.to_string()),
        media_type: media_type.as_ref().map(ToString::to_string),
        expires,
        required: RequiredTags::default(),
        secrets: account.new_secrets(),
    };
    let report = client.put(UntilEnded::new(source), options, move |now| progress(now.read)).await?;
    let key = report.link.key().clone();
    Ok((SharedFile { key, len: report.size, name, object: report.cid, media_type }, report))
}

/// Fails where a gateway would not keep a link until then without its upload token.
pub(crate) fn check_end(expires: Option<UnixSeconds>, has_token: bool) -> anyhow::Result<()> {
    if has_token || expires.is_some_and(|end| end <= now().plus(GUEST_LINK_S)) {
        return Ok(());
    }
    let days = GUEST_LINK_S / 86_400;
    Err(Usage::because(format!(
        "a gateway keeps a link for {days} days at most: say --expires {days}d, or show its upload token with --upload-token @FILE"
    )))
}

/// A gateway that is to be told of a share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registering<'a> {
    pub(crate) globals: &'a Globals,
    pub(crate) gateway: &'a Url,
    /// The gateway's upload token.
    pub(crate) token: Option<&'a str>,
}

impl Registering<'_> {
    /// Tells the gateway of a share. It is written down before anybody can open it: what nobody knows of cannot be taken back.
    pub(crate) async fn register(
        self,
        signed: &Signed<Record>,
        kept: &KeptShare,
        trail: &mut TrailFile,
    ) -> anyhow::Result<()> {
        let known = KeptShares::open(self.globals)?;
        known.keep(&KeptShare { is_unconfirmed: true, ..kept.clone() })?;
        trail.append(facts_of_share(kept, TrailWhat::LinkMade, now()))?;
        let told = shares::register(self.gateway, signed, self.token).await;
        let Err(error) = told else { return known.keep(kept) };
        if !error.is_definite() {
            return Err(error).context(format!(
                "the files are stored, but it is not known whether the link was made: `headwater revoke {} --drop` ends it, and removes them",
                kept.id
            ));
        }
        known.forget(&kept.id)?;
        trail.append(facts_of_share(kept, TrailWhat::LinkEnded, now()))?;
        Err(error).context("the link was not made")
    }
}

/// Takes out of the index again what was put for a share that never came to be; later commands release it.
fn take_back(names: &mut Names, kept: &KeptShare) -> anyhow::Result<()> {
    let objects = kept.files.iter().map(|file| file.cid.parse::<proofs::Cid>());
    let objects = objects.collect::<Result<Vec<_>, _>>().context("the list of shares is damaged")?;
    let index = names.local.index();
    let paths = objects.iter().flat_map(|object| index.paths_of(*object));
    let gone: Vec<_> = paths.map(|path| Change::Gone(EntryName::File(path.clone()), now())).collect();
    names.local.release_all_later(objects, now())?;
    names.enter(gone)
}

/// Enters what was put into the index, in a folder `shared`.
async fn list(
    names: &mut Names,
    client: &Client,
    coding: Coding,
    put: &[(SharedFile, PutReport)],
    until: UnixSeconds,
) -> anyhow::Result<bool> {
    for (file, _) in put {
        let path = IndexPath::new(format!("shared/{}", file.name)).expect("names of files make a path");
        let path = names.local.index().free_path(&path)?;
        let entry = FileEntry {
            object: file.object,
            len: file.len,
            media_type: file.media_type.clone(),
            created: now(),
            modified: now(),
            until,
            erasable: None,
            headers: HeaderFields::default(),
        };
        names.enter(vec![Change::File(path, entry)])?;
    }
    names.push(client, coding).await
}

/// What the gateway is to keep.
async fn record(
    link: &ShareLink,
    passcode: Option<Passcode>,
    contents: ShareContents,
    expires: UnixSeconds,
) -> anyhow::Result<Record> {
    let (id, secret) = (link.id(), link.secret().clone());
    let attempts = if passcode.is_some() { Attempts::USUAL } else { Attempts::NONE };
    let derive = move || ShareKeys::derive(id, &secret, passcode.as_ref());
    let keys = tokio::task::spawn_blocking(derive).await.context("the passcode was not stretched")?;
    Ok(Record::new(&keys, &contents, attempts, Some(expires))?)
}

/// For people and for shells alike: the link and nothing else.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.link)
    }
}
