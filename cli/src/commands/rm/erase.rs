//! `headwater rm --erase`: the certificate of what was erased.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use client::ReleaseReport;
use protocol::NetworkId;
use sharing::{
    AccountIndex, ErasedObject, Erasure, ErasureCertificate, Facts, IndexPath, KeyFate, KeyGiven,
    OwnIdentity, TrailText, TrailWhat,
};

use crate::arguments::Globals;
use crate::failure::Usage;
use crate::folders;
use crate::names::{Names, now};
use crate::trail::TrailFile;

/// Whether a file can be erased: that it has a key of its own, which is here, and no other name.
pub(super) fn check(index: &AccountIndex, path: &IndexPath) -> anyhow::Result<()> {
    let Some(file) = index.file(path) else { bail!("there is no file {path} in your index") };
    if file.erasable.is_none() {
        return Err(Usage::because(format!(
            "{path} was not put with --erasable: its key follows from your account, and cannot be destroyed; `headwater rm` \
             ends its leases"
        )));
    }
    match index.paths_of(file.object).find(|other| *other != path) {
        Some(other) => bail!("{path} is called {other} too: remove that name first"),
        None => Ok(()),
    }
}

/// What a certificate tells.
pub(super) struct Told<'a> {
    pub(super) key: KeyFate,
    pub(super) given: Vec<KeyGiven>,
    /// What was erased, then what had its key for others.
    pub(super) reports: &'a [&'a ReleaseReport],
}

/// Signs what was done, writes it to a file, and enters it into the audit trail. Returns where it is.
pub(super) fn certify(
    globals: &Globals,
    names: &Names,
    network: NetworkId,
    path: &IndexPath,
    Told { key, given, reports }: Told<'_>,
    to: Option<&Path>,
) -> anyhow::Result<PathBuf> {
    let objects: Vec<_> = reports.iter().map(|report| erased(report)).collect();
    if objects.is_empty() {
        bail!(
            "the key of {path} is {}, but no node could be asked: there is nothing to certify",
            key.as_str()
        );
    }
    let name = TrailText::cut(&path.to_string()).expect("a path is a line");
    let own = OwnIdentity::of(names.account.secret());
    let certificate = ErasureCertificate::sign(own.signing_key(), &network, given, objects, |evidence| {
        Erasure { at: now(), evidence, key, name: name.clone() }
    });
    let file = to.map_or_else(|| format!("{}.erasure.txt", path.file_name()).into(), Path::to_owned);
    folders::write_atomically(&file, certificate.to_text().as_bytes()).with_context(|| {
        format!("{path} is erased, but its certificate cannot be written to {}", file.display())
    })?;
    let facts = Facts { about: Some(name), ..Facts::new(TrailWhat::Erased, now()) };
    TrailFile::open(globals, names.account.secret(), network)?.append(facts)?;
    Ok(file)
}

fn erased(report: &ReleaseReport) -> ErasedObject {
    ErasedObject {
        manifest: (*report.manifest).clone(),
        ends: report.ends().cloned().collect(),
        silent: report.unconfirmed().map(|(node, _)| node).collect(),
    }
}
