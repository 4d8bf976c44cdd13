//! The list of shares: a file for each, so that commands that run at the same time do not meet.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use anyhow::Context;
use chunker::AccountSecret;
use protocol::{SecretKey, UnixSeconds};
use serde::{Deserialize, Serialize};
use sharing::{AskedHolder, LinkId, ShareLink, ShareLinkError, ShareSecret, SharedFile, TrailText};

use crate::arguments::Globals;
use crate::{folders, names};

const ENDING: &str = ".json";

/// The shares of an account on this machine.
#[derive(Debug)]
pub(crate) struct KeptShares {
    folder: PathBuf,
}

/// What is kept of one share.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptShare {
    pub(crate) id: String,
    /// The origin of the gateway.
    pub(crate) gateway: String,
    /// Unix time in seconds, like all times here.
    pub(crate) issued: u64,
    pub(crate) expires: Option<u64>,
    pub(crate) passcode: bool,
    pub(crate) label: Option<String>,
    pub(crate) files: Vec<KeptFile>,
    pub(crate) revoked: Option<u64>,
    /// Whom the files are about, as the owner calls them.
    #[serde(default)]
    pub(crate) patient: Option<String>,
    /// Why they are shared: a code of HL7 for purposes of use.
    #[serde(default)]
    pub(crate) purpose: Option<String>,
    /// To whom its link was granted: the key by which each of them shows that, and the one that signs for them, in hexadecimal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) holders: BTreeMap<String, String>,
    /// How the owner calls them, by the key that signs for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) known_as: BTreeMap<String, String>,
    /// The grant that gives its link to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grant: Option<String>,
    /// Whether nobody knows yet that its gateway has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_unconfirmed: bool,
}

/// An object of a share.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptFile {
    /// As the reader sees it.
    pub(crate) name: String,
    pub(crate) cid: String,
    pub(crate) size: u64,
}

impl From<&SharedFile> for KeptFile {
    fn from(file: &SharedFile) -> Self {
        Self { name: file.name.to_string(), cid: file.object.to_string(), size: file.len }
    }
}

impl KeptShares {
    /// Those of the account that the user means.
    pub(crate) fn open(globals: &Globals) -> anyhow::Result<Self> {
        Ok(Self { folder: names::beside(globals.account.as_deref(), "shares")? })
    }

    /// Writes a share down, durably, in place of what is known of it.
    pub(crate) fn keep(&self, share: &KeptShare) -> anyhow::Result<()> {
        let path = self.path(&share.id);
        let write = || -> io::Result<()> {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            folders::write_privately(&path, &serde_json::to_vec_pretty(share)?)?;
            File::open(&self.folder)?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Forgets a share that was never registered.
    pub(crate) fn forget(&self, id: &str) -> anyhow::Result<()> {
        let path = self.path(id);
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
    }

    /// What is known of a share.
    pub(crate) fn get(&self, id: LinkId) -> anyhow::Result<Option<KeptShare>> {
        let path = self.path(&id.to_string());
        match fs::read(&path) {
            Ok(bytes) => parse(&bytes).map(Some).with_context(|| format!("{} is damaged", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// All of them, the newest first.
    pub(crate) fn all(&self) -> anyhow::Result<Vec<KeptShare>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", self.folder.display()));
            }
        };
        let mut shares = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                shares.push(parse(&bytes).with_context(|| format!("{} is damaged", path.display()))?);
            }
        }
        shares.sort_by(|a: &KeptShare, b| (b.issued, &a.id).cmp(&(a.issued, &b.id)));
        Ok(shares)
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}{ENDING}"))
    }
}

fn parse(bytes: &[u8]) -> anyhow::Result<KeptShare> {
    Ok(serde_json::from_slice(bytes)?)
}

impl KeptShare {
    /// A share of these objects at the gateway with this origin; nothing else is known of it.
    pub(crate) fn new(
        id: LinkId,
        gateway: String,
        issued: UnixSeconds,
        files: impl Iterator<Item = KeptFile>,
    ) -> Self {
        Self {
            id: id.to_string(),
            gateway,
            issued: issued.get(),
            expires: None,
            passcode: false,
            label: None,
            files: files.collect(),
            revoked: None,
            patient: None,
            purpose: None,
            holders: BTreeMap::new(),
            known_as: BTreeMap::new(),
            grant: None,
            is_unconfirmed: false,
        }
    }

    /// Which share it is.
    pub(crate) fn id(&self) -> anyhow::Result<LinkId> {
        self.id.parse().context("the list of shares is damaged")
    }

    /// To whom its link was granted.
    pub(crate) fn holders(&self) -> anyhow::Result<Vec<AskedHolder>> {
        let parse = |(holder, signs): (&String, &String)| {
            let known_as = self.known_as.get(signs).and_then(|text| TrailText::cut(text));
            anyhow::Ok(AskedHolder { shows: holder.parse()?, signs: signs.parse()?, known_as })
        };
        let all = self.holders.iter().map(parse).collect::<anyhow::Result<_>>();
        all.context("the list of shares is damaged")
    }

    /// Its link once more.
    pub(crate) fn link(&self, account: &AccountSecret) -> Result<ShareLink, ShareLinkError> {
        let id: LinkId = self.id.parse().map_err(|_| ShareLinkError::Id)?;
        ShareLink::new(&self.gateway, id, secret(account, id), self.passcode)
    }
}

/// What stands in the link of the account's share with this id.
pub(crate) fn secret(account: &AccountSecret, id: LinkId) -> ShareSecret {
    ShareSecret::from_bytes(*account.share_secret(id.as_bytes()).expose())
}

/// The key that signs it, and ends it.
pub(crate) fn share_key(account: &AccountSecret, id: LinkId) -> SecretKey {
    SecretKey::from_bytes(account.share_key_seed(id.as_bytes()).expose())
}
