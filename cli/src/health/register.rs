//! Telling a gateway of a health link. What it may be serving stays stored, whatever becomes of its answer.

use anyhow::Context;
use chunker::AccountSecret;
use data_encoding::HEXLOWER;
use proofs::Cid;
use protocol::{Digest, Signed};
use sharing::{Attempts, HealthFile, HealthLink, HealthLinkFields, TrailWhat, link_key};

use super::{Book, BookEntry};
use crate::failure::Usage;
use crate::gateway_api;
use crate::membership::Network;
use crate::names::{Names, now};
use crate::trail::{TrailFile, facts_of};

/// A link that is made, or changed.
#[derive(Debug)]
pub(super) struct Registering<'a> {
    pub(super) book: &'a Book,
    /// What is known of the link that is changed.
    pub(super) before: Option<&'a BookEntry>,
    pub(super) network: &'a Network,
    /// The gateway's upload token.
    pub(super) token: Option<&'a str>,
}

/// What is behind a link once its gateway has answered.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The new files.
    New,
    /// What was there before.
    Old,
    /// The one or the other.
    Unknown,
}

impl Registering<'_> {
    /// Registers what was put. It is in the book, with what it takes the place of, and in the trail before the gateway hears of it; only what
    /// the gateway has definitely not got, or definitely has no more, is released.
    pub(super) async fn register(
        &self,
        names: &Names,
        trail: &mut TrailFile,
        (entry, files): (BookEntry, Vec<HealthFile>),
    ) -> anyhow::Result<BookEntry> {
        let secret = names.account.secret();
        let what = if self.before.is_some() { TrailWhat::LinkChanged } else { TrailWhat::LinkMade };
        let record = self.record(secret, &entry, files)?;
        self.book.keep(&either(self.before, &entry))?;
        trail.append(facts_of(&entry, what, now()))?;
        let told = gateway_api::register(&entry.gateway, "/api/health-links", record, self.token).await;
        let outcome = match &told {
            Ok(_) => Outcome::New,
            Err(error) if error.is_definite() => Outcome::Old,
            Err(_) => Outcome::Unknown,
        };
        names.local.release_all_later(gone(self.before, &entry, &outcome), now())?;
        let id = entry.id;
        match (outcome, self.before) {
            (Outcome::New, _) => self.book.keep(&entry)?,
            (Outcome::Old, Some(before)) => {
                self.book.keep(before)?;
                trail.append(facts_of(before, TrailWhat::LinkChanged, now()))?;
            }
            (Outcome::Old, None) => {
                self.book.forget(id)?;
                trail.append(facts_of(&entry, TrailWhat::LinkEnded, now()))?;
            }
            (Outcome::Unknown, _) => {}
        }
        match told {
            Ok(_) => Ok(entry),
            Err(error) if error.is_definite() => Err(error.into()),
            Err(error) => Err(error).with_context(|| match self.before {
                Some(_) => {
                    "it is not known which files are behind the link now, so all are kept: run this again"
                        .to_owned()
                }
                None => format!("it is not known whether the link was made: `headwater revoke {id}` ends it"),
            }),
        }
    }

    fn record(
        &self,
        secret: &AccountSecret,
        entry: &BookEntry,
        files: Vec<HealthFile>,
    ) -> anyhow::Result<Vec<u8>> {
        let passcode = entry.passcode.as_deref().map(|text| {
            let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.map(Digest::from_bytes).context("what is kept of the link's passcode is damaged")
        });
        let link = HealthLink::try_from(HealthLinkFields {
            attempts: Attempts::try_from(entry.attempts)
                .map_err(|error| Usage::because(error.to_string()))?,
            expires: entry.expires,
            files,
            flags: entry.flags,
            id: entry.id,
            issued: now(),
            passcode: passcode.transpose()?,
            seq: entry.seq,
        })?;
        Ok(Signed::sign(&link_key(secret, entry.id), &self.network.file.network, link).encode())
    }
}

/// What is kept of a link while nobody knows which files are behind it.
fn either(before: Option<&BookEntry>, entry: &BookEntry) -> BookEntry {
    let before = before.into_iter().flat_map(|before| &before.objects);
    let objects = entry.objects.iter().chain(before).copied().collect();
    BookEntry { objects, ..entry.clone() }
}

/// The objects that are behind a link no more, or never came to be.
fn gone(before: Option<&BookEntry>, entry: &BookEntry, outcome: &Outcome) -> Vec<Cid> {
    match outcome {
        Outcome::New => before.map_or_else(Vec::new, |before| before.objects.clone()),
        Outcome::Old => entry.objects.clone(),
        Outcome::Unknown => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Sequence, UnixSeconds};
    use sharing::{HealthFlags, LinkId};

    use super::*;

    fn entry(object: &[u8]) -> BookEntry {
        BookEntry {
            id: LinkId::from_bytes([1; 32]),
            gateway: gateway_api::address("http://127.0.0.1:1").unwrap(),
            seq: Sequence::FIRST,
            flags: HealthFlags::new(true, false, false).unwrap(),
            attempts: 0,
            passcode: None,
            label: None,
            made: UnixSeconds::new(1),
            expires: None,
            ended: None,
            objects: vec![Cid::of(object)],
            contents: Vec::new(),
            patient: None,
            purpose: None,
        }
    }

    #[test]
    fn while_an_answer_is_missing_both_versions_are_kept() {
        let (before, after) = (entry(b"before"), entry(b"after"));
        let (old, new) = (before.objects.clone(), after.objects.clone());
        assert_eq!(either(Some(&before), &after).objects, [new[0], old[0]]);
        assert!(gone(Some(&before), &after, &Outcome::Unknown).is_empty());
        assert_eq!(gone(Some(&before), &after, &Outcome::New), old);
        assert_eq!(gone(Some(&before), &after, &Outcome::Old), new);
        // The next change takes the place of both.
        let unknown = either(Some(&before), &after);
        assert_eq!(gone(Some(&unknown), &entry(b"next"), &Outcome::New), [new[0], old[0]]);
        assert!(
            gone(None, &after, &Outcome::Unknown).is_empty() && gone(None, &after, &Outcome::New).is_empty()
        );
    }
}
