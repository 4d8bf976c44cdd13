//! The files of a health link: read, looked at, encrypted, put.

use std::path::{Path, PathBuf};

use account::Account;
use anyhow::{Context, bail};
use chunker::{Coding, Padding, RequiredTags};
use client::{Client, PutOptions};
use protocol::UnixSeconds;
use serde_json::Value;
use sharing::{HEALTH_FILE_LEN_MAX, HEALTH_FILES_MAX, HealthFile, HealthFileType, HealthKey, seal_jwe};

use crate::failure::Usage;

/// A file as it is to be shared.
#[derive(Debug)]
pub(super) struct PlainFile {
    kind: HealthFileType,
    /// What it is for people, such as `Bundle`.
    pub(super) content: String,
    bytes: Vec<u8>,
}

/// Reads the files, which have to be FHIR resources or health cards.
pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<PlainFile>> {
    if !(1..=HEALTH_FILES_MAX).contains(&paths.len()) {
        return Err(Usage::because(format!("a health link has 1 to {HEALTH_FILES_MAX} files")));
    }
    paths.iter().map(|path| read_one(path)).collect()
}

fn read_one(path: &Path) -> anyhow::Result<PlainFile> {
    let name = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
    if bytes.len() > HEALTH_FILE_LEN_MAX {
        bail!("{name} is longer than {HEALTH_FILE_LEN_MAX} bytes; share it without --health");
    }
    let json: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Usage::because(format!("{name} is no JSON, as FHIR has it: {error}")))?;
    if let Some(resource) = json["resourceType"].as_str() {
        return Ok(PlainFile { kind: HealthFileType::Fhir, content: resource.to_owned(), bytes });
    }
    if json["verifiableCredential"].is_array() {
        let content = "SMART Health Card".to_owned();
        return Ok(PlainFile { kind: HealthFileType::HealthCard, content, bytes });
    }
    Err(Usage::because(format!(
        "{name} is no FHIR resource (it has no resourceType) and no health card; share it without --health"
    )))
}

/// Encrypts the files under the key of the link and puts each as an object.
pub(super) async fn put(
    client: &Client,
    account: &Account,
    coding: Coding,
    key: &HealthKey,
    files: &[PlainFile],
    deflate: bool,
    until: UnixSeconds,
) -> anyhow::Result<Vec<HealthFile>> {
    let mut put = Vec::with_capacity(files.len());
    for file in files {
        let jwe = seal_jwe(key, &rand::random(), file.kind, &file.bytes, deflate);
        let options = PutOptions {
            coding,
            // A JWE is served as it is, so its length is known anyway.
            padding: Padding::None,
            name: None,
            media_type: None,
            expires: until,
            required: RequiredTags::default(),
            secrets: account.new_secrets(),
        };
        let len = jwe.len() as u64;
        let report = client.put(jwe.as_bytes(), options, |_| {}).await.context("cannot store a file")?;
        put.push(HealthFile { key: report.link.key().clone(), len, object: report.cid, kind: file.kind });
    }
    Ok(put)
}
