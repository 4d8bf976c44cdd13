//! `headwater share --health`: makes a SMART Health Link, or puts other files behind one.

use std::fmt;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use chunker::{AccountSecret, Coding};
use clap::Args;
use client::Client;
use protocol::limits::LEASE_DURATION_MAX_S;
use protocol::{Sequence, UnixSeconds};
use reqwest::Url;
use serde::Serialize;
use sharing::{
    Attempts, HealthFile, HealthFlags, HealthKey, HealthLinkFields, HealthLinkText, LinkId, PatientId,
    Purpose,
};
use zeroize::Zeroizing;

use super::files::{self, PlainFile};
use super::link::required_id;
use super::register::Registering;
use super::{Book, BookEntry, index, qr};
use crate::arguments::Globals;
use crate::commands::share::{check_end, gateway_of};
use crate::failure::{Outcome, Usage};
use crate::membership::{self, Network};
use crate::names::{Names, now};
use crate::output::Output;
use crate::passcode::PasscodeSource;
use crate::quantity::Duration;
use crate::secrets::SecretArg;
use crate::trail::TrailFile;
use crate::{account as account_file, ends};

/// How long the files of a link without an end are kept on the nodes.
const KEEP: Duration = Duration::from_days(365);

/// What is asked of a health link besides what is asked of every share.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// Make a SMART Health Link: the files are FHIR resources or health cards in JSON
    #[arg(long)]
    health: bool,

    /// A link whose files may change later, with --update
    #[arg(long, requires = "health")]
    long_term: bool,

    /// One file, which readers fetch directly; without a passcode
    #[arg(long, requires = "health")]
    single: bool,

    /// Put other files behind a link with --long-term; named by the link itself or its id
    #[arg(long, value_name = "LINK|ID", requires = "health")]
    update: Option<SecretArg>,

    /// Deflate the files before they are encrypted; most readers of health links know how to inflate them
    #[arg(long, requires = "health")]
    deflate: bool,

    /// With how many wrong passcodes, from all readers together, the link closes for ever [default: 5]
    #[arg(long, value_name = "N", requires_all = ["health", "passcode"], value_parser = clap::value_parser!(u8).range(1..=100))]
    attempts: Option<u8>,

    /// A link that ends when it is revoked, and not before
    #[arg(long, requires = "health", conflicts_with = "expires")]
    no_end: bool,

    /// The address of a page that shows health links, to stand in front of the link
    #[arg(long, value_name = "URL", requires = "health")]
    viewer: Option<Url>,

    /// Write the QR code into an SVG file; - prints it
    #[arg(long, value_name = "FILE", requires = "health")]
    qr: Option<PathBuf>,

    /// Whom the record is about, for your audit trail
    #[arg(long, value_name = "ID")]
    patient: Option<String>,

    /// Why it is shared, a code of HL7 for purposes of use, for your audit trail
    #[arg(long, value_name = "CODE")]
    purpose: Option<String>,
}

/// What is asked of every share.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) gateway: Option<String>,
    pub(crate) expires: Duration,
    pub(crate) passcode: Option<PasscodeSource>,
    pub(crate) label: Option<String>,
    /// The gateway's upload token.
    pub(crate) token: Option<Zeroizing<String>>,
}

#[derive(Serialize)]
struct Answer {
    id: String,
    link: String,
    gateway: String,
    flags: HealthFlags,
    label: Option<String>,
    expires: Option<UnixSeconds>,
    contents: Vec<String>,
}

impl HealthArgs {
    /// Whether a health link is meant.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.health
    }

    /// Does what is asked, and prints the link.
    pub(crate) async fn run(self, wish: Wish, globals: &Globals) -> anyhow::Result<Outcome> {
        let files = files::read(&wish.files)?;
        let network = Network::load(globals.network.as_deref()).await?;
        let secret = account_file::open(globals.account.as_deref(), globals.output())?;
        let mut trail = TrailFile::open(globals, &secret, network.file.network)?;
        ends::send(globals, &secret, network.file.network).await?;
        // Whoever has the index has the book: nobody changes the link meanwhile.
        let mut names = Names::open(globals).await?;
        let book = Book::open(globals)?;
        let (before, entry) = match &self.update {
            Some(link) => self.updated(&book, link, &wish, &files)?,
            None => (None, self.begun(&network, &wish, &files)?),
        };
        // Checked before anything is stored.
        let link = link_of(&entry, &secret)?;
        let work = async |client: &Client| {
            let coding = network.usual_coding(client)?;
            let put = self.put(&mut names, client, coding, entry, &files).await?;
            let token = wish.token.as_ref().map(|token| token.as_str());
            let registering = Registering { book: &book, before: before.as_ref(), network: &network, token };
            let entry = registering.register(&names, &mut trail, put).await?;
            index::tell(client, &mut names, coding, &entry).await;
            Ok(entry)
        };
        let entry = network.with_client(Some(account_file::payer(&secret)), work).await?;
        self.answer(&entry, &link, globals.output())
    }

    /// A link that does not exist yet.
    fn begun(&self, network: &Network, wish: &Wish, files: &[PlainFile]) -> anyhow::Result<BookEntry> {
        let gateway = gateway_of(wish.gateway.as_deref(), network)?;
        let flags = HealthFlags::new(self.long_term, wish.passcode.is_some(), self.single);
        let flags = flags.map_err(|_| {
            Usage::because("a single file has no passcode: whoever fetches it could not show one")
        })?;
        let (id, made) = (LinkId::from_bytes(membership::random()), now());
        let passcode = wish.passcode.as_ref().map(PasscodeSource::choose).transpose()?;
        let passcode = passcode.map(|passcode| HealthLinkFields::verifier(id, &passcode).to_string());
        let attempts = if passcode.is_some() { self.attempts.unwrap_or(Attempts::USUAL.get()) } else { 0 };
        Ok(BookEntry {
            id,
            gateway,
            seq: Sequence::FIRST,
            flags,
            attempts,
            passcode,
            label: wish.label.clone(),
            made,
            expires: self.end_of(made, wish)?,
            ended: None,
            objects: Vec::new(),
            contents: contents(files),
            patient: self.patient()?,
            purpose: self.purpose()?,
        })
    }

    /// When the link ends by itself.
    fn end_of(&self, from: UnixSeconds, wish: &Wish) -> anyhow::Result<Option<UnixSeconds>> {
        let end = (!self.no_end).then(|| from.plus(wish.expires.seconds()));
        check_end(end, wish.token.is_some())?;
        if self.no_end {
            return Ok(None);
        }
        let seconds = wish.expires.seconds();
        if seconds == 0 || seconds > LEASE_DURATION_MAX_S {
            let days = LEASE_DURATION_MAX_S / 86_400;
            return Err(Usage::because(format!("a link lasts at least a second and at most {days} days")));
        }
        Ok(Some(from.plus(seconds)))
    }

    /// Whom the record is about.
    pub(crate) fn patient(&self) -> anyhow::Result<Option<String>> {
        let patient = self.patient.as_deref().map(PatientId::new).transpose();
        Ok(patient.map_err(|error| Usage::because(error.to_string()))?.map(String::from))
    }

    /// Why it is shared.
    pub(crate) fn purpose(&self) -> anyhow::Result<Option<String>> {
        let purpose = self.purpose.as_deref().map(Purpose::new).transpose();
        Ok(purpose.map_err(|error| Usage::because(error.to_string()))?.map(String::from))
    }

    /// A link that is there, before and after.
    fn updated(
        &self,
        book: &Book,
        link: &SecretArg,
        wish: &Wish,
        files: &[PlainFile],
    ) -> anyhow::Result<(Option<BookEntry>, BookEntry)> {
        let is_other = wish.gateway.is_some() || wish.passcode.is_some() || wish.label.is_some();
        if is_other || self.long_term || self.single {
            return Err(Usage::because("an update changes the files behind a link, and nothing else"));
        }
        let before = book.find(required_id(&link.read()?)?)?;
        let before = before.context("your account made no such health link on this machine and network")?;
        if !before.flags.is_long_term() {
            bail!("this link was made without --long-term: its files cannot change");
        }
        if let Some(at) = before.ended {
            bail!("this link was revoked at {at}; make a new one");
        }
        let mut entry = before.clone();
        entry.seq = before.seq.next();
        entry.contents = contents(files);
        Ok((Some(before), entry))
    }

    /// Stores the files.
    async fn put(
        &self,
        names: &mut Names,
        client: &Client,
        coding: Coding,
        mut entry: BookEntry,
        files: &[PlainFile],
    ) -> anyhow::Result<(BookEntry, Vec<HealthFile>)> {
        let key = HealthKey::derive(names.account.secret(), entry.id);
        let until = entry.expires.unwrap_or_else(|| now().plus(KEEP.seconds()));
        let put = files::put(client, &names.account, coding, &key, files, self.deflate, until).await?;
        entry.objects = put.iter().map(|file| file.object).collect();
        Ok((entry, put))
    }

    fn answer(&self, entry: &BookEntry, link: &HealthLinkText, output: Output) -> anyhow::Result<Outcome> {
        let text = link.expose();
        let shown = match &self.viewer {
            Some(viewer) => format!("{viewer}#{}", *text),
            None => text.to_string(),
        };
        let prints = self.qr.as_deref().is_some_and(|path| path.as_os_str() == "-");
        if let Some(path) = self.qr.as_deref().filter(|_| !prints) {
            qr::write_svg(&shown, path)?;
        }
        let is_watched = std::io::stderr().is_terminal() && !output.is_json();
        if prints || is_watched {
            let code = qr::for_terminal(&shown)?;
            eprintln!("{code}");
        }
        output.answer(&Answer {
            id: entry.id.to_string(),
            link: shown,
            gateway: entry.gateway.to_string(),
            flags: entry.flags,
            label: entry.label.clone(),
            expires: entry.expires,
            contents: entry.contents.clone(),
        })?;
        Ok(Outcome::Complete)
    }
}

fn link_of(entry: &BookEntry, secret: &AccountSecret) -> anyhow::Result<HealthLinkText> {
    let origin = entry.gateway.as_str().trim_end_matches('/');
    let key = HealthKey::derive(secret, entry.id);
    HealthLinkText::new(origin, entry.id, key, entry.flags, entry.expires, entry.label.clone())
        .map_err(|error| Usage::because(error.to_string()))
}

fn contents(files: &[PlainFile]) -> Vec<String> {
    files.iter().map(|file| file.content.clone()).collect()
}

/// For people and for shells alike: the link and nothing else.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.link)
    }
}
