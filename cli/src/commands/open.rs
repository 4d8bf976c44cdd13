//! `headwater open`: reads what somebody shared by a link, trusting no gateway.

mod age_file;
mod object;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use protocol::{NetworkId, SecretKey, Signed};
use serde::Serialize;
use sharing::{
    FOLDER_TYPE, GrantLink, HealthLinkText, LinkId, MediaType, Reader, ShareContents, ShareKeys, ShareLink,
    ShareReader, SharedFile,
};

use self::object::SharedObject;
use crate::arguments::Globals;
use crate::commands::get::Get;
use crate::destination::{Destination, Folder, Sink, free_beside, safe_name, unless_ended};
use crate::failure::{Outcome, Usage};
use crate::gateway_api;
use crate::names::now;
use crate::passcode::PasscodeSource;
use crate::secrets::SecretArg;
use crate::shares;

/// Read what somebody shared by a link, granted to you, or encrypted to you with age
///
/// FILE.age is a file that somebody encrypted to the recipient that `headwater identity --age` prints.
///
/// Nothing that the gateway says is believed: every byte is proved against the address that stands, wrapped, in the share, and opened
/// here. A file appears under its name only when it is there whole. The network need not be known.
///
/// A grant is read from the nodes of the network, in its newest version, and opens with your account alone.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater open @scan.link
  headwater open @grant.link -o received
  wl-paste | headwater open - -o received          the link comes from the clipboard
  headwater open report.pdf.age                    encrypted to you with age, by whatever program
  headwater open @chart.link --passcode=@code.txt --as 'Dr. Ng' -o chart")]
pub(crate) struct Open {
    /// The link: itself, @FILE, or - for standard input; or a file of age, whose name ends with .age
    #[arg(value_name = "LINK|FILE.age")]
    link: SecretArg,

    /// Where the passcode comes from: =@FILE or =- [default: it is asked for where there is one]
    #[arg(long, value_name = "SOURCE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    passcode: Option<PasscodeSource>,

    /// The folder into which the files go; - for standard output, where there is one file [default: this folder]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Who you are: the owner learns it from the gateway
    #[arg(long = "as", value_name = "NAME")]
    who: Option<String>,

    /// Of a share for emergencies: by what its reader shows that it was granted to them, and in which network.
    #[arg(skip)]
    holder: Option<Holder>,
}

/// Somebody to whom the link of a share was granted.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) key: SecretKey,
    pub(crate) network: NetworkId,
}

#[derive(Serialize)]
struct Answer {
    label: Option<String>,
    issued: u64,
    files: Vec<Received>,
}

#[derive(Serialize)]
struct Received {
    name: String,
    #[serde(rename = "type")]
    media_type: Option<String>,
    size: u64,
    cid: String,
    file: Option<PathBuf>,
    /// Cells that the gateway had to rebuild; their tags are right like all others.
    rebuilt: u64,
}

impl Open {
    /// Opens this link as a reader who says this of themselves.
    pub(crate) fn for_reader(link: String, who: String, holder: Holder, output: Option<PathBuf>) -> Self {
        Self { link: link.into(), passcode: None, output, who: Some(who), holder: Some(holder) }
    }

    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        if let Some(path) = self.link.in_place().map(Path::new).filter(|path| age_file::is_one(path)) {
            return self.age_file(path, globals).await;
        }
        let output = globals.output();
        let text = self.link.read()?;
        if GrantLink::is_meant_by(&text) {
            return self.grant(&text, globals).await;
        }
        if text.parse::<HealthLinkText>().is_ok() {
            return Err(Usage::because(
                "this is a SMART Health Link: the page of its gateway opens it, that of `headwater viewer`, or any other viewer of such links",
            ));
        }
        self.check_folder()?;
        // The text itself is not repeated: it may hold the secret.
        let link: ShareLink = text.parse().map_err(|error| {
            Usage::because(format!("this is neither the link of a share nor of a grant: {error}"))
        })?;
        let gateway =
            gateway_api::address(link.origin()).map_err(|error| Usage::because(error.to_string()))?;
        let keys = self.keys(&link).await?;
        let shown = self.shown(link.id())?;
        let opened = shares::open(&gateway, &keys, self.who.as_deref(), shown.as_ref()).await?;
        let contents = opened.wrapped.open(&keys)?;
        let is_stdout = self.output.as_deref() == Some(Path::new("-"));
        if is_stdout && contents.files().len() > 1 {
            return Err(Usage::because(format!(
                "the share has {} files; say -o DIR",
                contents.files().len()
            )));
        }
        let total = contents.files().iter().map(|file| file.len).sum();
        let progress = output.progress("open", Some(total));
        let mut files = Vec::new();
        for file in contents.files() {
            let opening = SharedObject::open(&gateway, &opened.session, file).await;
            let object = opening.with_context(|| format!("cannot open {}", file.name))?;
            let advance = |bytes: u64| progress.advance(bytes);
            files.push(unless_ended(self.receive(file, object, advance)).await?);
        }
        drop(progress);
        let answer = Answer::new(&contents, files);
        if is_stdout {
            output.answer_beside_data(&answer)?;
        } else {
            output.answer(&answer)?;
        }
        Ok(Outcome::Complete)
    }

    /// Reads what was granted to this account: by the nodes, without a gateway.
    async fn grant(&self, link: &str, globals: &Globals) -> anyhow::Result<Outcome> {
        if self.passcode.is_some() || self.who.is_some() {
            return Err(Usage::because(
                "--passcode and --as are for links: a grant knows you by your identity",
            ));
        }
        Get::everything(link, self.output.as_deref(), globals).await
    }

    /// The signed word of somebody to whom the link was granted.
    fn shown(&self, id: LinkId) -> anyhow::Result<Option<Signed<ShareReader>>> {
        let Some(Holder { key, network }) = &self.holder else { return Ok(None) };
        let who = self.who.as_deref().and_then(Reader::stated).context("nobody is named who reads")?;
        Ok(Some(Signed::sign(key, network, ShareReader { id, issued: now(), who })))
    }

    /// Fails where nothing could be written: before the gateway is asked, which writes down that it was read.
    fn check_folder(&self) -> anyhow::Result<()> {
        match &self.output {
            Some(folder) if folder != Path::new("-") => std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display())),
            _ => Ok(()),
        }
    }

    async fn keys(&self, link: &ShareLink) -> anyhow::Result<ShareKeys> {
        let passcode = match &self.passcode {
            Some(source) => Some(source.read()?),
            None if link.has_passcode() => Some(PasscodeSource::Terminal.read()?),
            None => None,
        };
        let (id, secret) = (link.id(), link.secret().clone());
        let derive = move || ShareKeys::derive(id, &secret, passcode.as_ref());
        tokio::task::spawn_blocking(derive).await.context("the passcode was not stretched")
    }

    async fn receive(
        &self,
        file: &SharedFile,
        mut object: SharedObject,
        advance: impl Fn(u64),
    ) -> anyhow::Result<Received> {
        let name = safe_name(file.name.as_str());
        let is_folder = file.media_type.as_ref().map(MediaType::as_str) == Some(FOLDER_TYPE);
        let path = match &self.output {
            Some(path) if path == Path::new("-") => None,
            // What the gateway has given out counts as read, so it is never refused here.
            folder => Some(free_beside(&folder.clone().unwrap_or_default().join(&name))),
        };
        let written = match (&path, is_folder) {
            (Some(path), true) => {
                make_folder(path)?;
                let folder = Folder::at(path.clone())?;
                object.unpack(&folder, advance).await?;
                Some(folder.finish()?)
            }
            (Some(path), false) => {
                make_folder(path)?;
                let destination = Destination::File(path.clone());
                destination.fill(async |to: Sink| object.copy(to, advance).await).await?;
                Some(path.clone())
            }
            (None, _) => {
                Destination::Stdout.fill(async |to: Sink| object.copy(to, advance).await).await?;
                None
            }
        };
        Ok(Received {
            name: file.name.to_string(),
            media_type: file.media_type.as_ref().map(ToString::to_string),
            size: file.len,
            cid: file.object.to_string(),
            file: written,
            rebuilt: object.rebuilt(),
        })
    }
}

/// The folder in which `path` is to be, where nothing of its name may be yet.
fn make_room(path: &Path) -> anyhow::Result<()> {
    make_folder(path)?;
    if path.symlink_metadata().is_ok() {
        return Err(Usage::because(format!(
            "{} is there already; name another folder with -o",
            path.display()
        )));
    }
    Ok(())
}

/// The folder in which `path` is to be.
fn make_folder(path: &Path) -> anyhow::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))
}

impl Answer {
    fn new(contents: &ShareContents, files: Vec<Received>) -> Self {
        let label = contents.label().map(ToString::to_string);
        Self { label, issued: contents.issued().get(), files }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = &self.label {
            writeln!(f, "{label}")?;
        }
        for file in &self.files {
            match &file.file {
                Some(path) => writeln!(f, "{}  {} bytes", path.display(), file.size)?,
                None => writeln!(f, "{}  {} bytes", file.name, file.size)?,
            }
        }
        Ok(())
    }
}
