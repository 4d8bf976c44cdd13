//! A split in TOML, as people write it down.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context;
use ledger::{
    AgreementParts, Fees, Ipi, Iscc, Isrc, Iswc, Parent, Party, Per, Price, Quantity, Role, SplitAgreement,
    Unit,
};
use protocol::{AgreementId, BoundedList, Ppm};
use serde::Deserialize;

use crate::failure::Usage;
use crate::ledger_api::parse_key;
use crate::money::Money;

/// A split as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Split {
    content: String,
    creator: String,
    unit: Unit,
    price: SplitPrice,
    #[serde(default)]
    fees: Fees,
    party: Vec<SplitParty>,
    #[serde(default)]
    parent: Vec<SplitParent>,
    secondary: Option<Ppm>,
    #[serde(default = "first_version")]
    version: u32,
    supersedes: Option<String>,
    isrc: Option<Isrc>,
    iswc: Option<Iswc>,
    iscc: Option<Iscc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitPrice {
    amount: String,
    /// A view that says nothing else counts from the first second on.
    of: Option<u64>,
    per: Per,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitParty {
    key: String,
    role: Role,
    ppm: Ppm,
    ipi: Option<Ipi>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitParent {
    agreement: String,
    ppm: Ppm,
}

const fn first_version() -> u32 {
    1
}

impl Split {
    /// The split in this file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            // An error is one line.
            let message = error.message().replace('\n', "; ");
            Usage::because(format!("{}, line {line}: {message}", path.display()))
        })
    }

    /// What everybody signs.
    pub(super) fn agreement(self) -> anyhow::Result<SplitAgreement> {
        let parts = self.parts()?;
        SplitAgreement::new(parts).map_err(|error| Usage::because(error.to_string()))
    }

    fn parts(self) -> anyhow::Result<AgreementParts> {
        let price = self.price.price()?;
        let mut parties = self.party.iter().map(SplitParty::party).collect::<anyhow::Result<Vec<_>>>()?;
        parties.sort_by_key(|party| (party.party, party.role));
        let mut parents = self.parent.iter().map(SplitParent::parent).collect::<anyhow::Result<Vec<_>>>()?;
        parents.sort_by_key(|parent| parent.agreement);
        Ok(AgreementParts {
            content: self.content.parse().map_err(|_| Usage::because("content is no publication id"))?,
            creator: parse_key(&self.creator)?,
            fees: self.fees,
            iscc: self.iscc,
            isrc: self.isrc,
            issued: SystemTime::now().into(),
            iswc: self.iswc,
            parents: BoundedList::new(parents)?,
            parties: BoundedList::new(parties)?,
            price,
            secondary: self.secondary,
            supersedes: self.supersedes.as_deref().map(parse_id).transpose()?,
            unit: self.unit,
            v: 1,
            version: self.version,
        })
    }
}

impl SplitPrice {
    fn price(&self) -> anyhow::Result<Price> {
        let micro: Money = self.amount.parse().map_err(|error| Usage::because(format!("price: {error}")))?;
        let of = match (self.of, self.per) {
            (Some(of), _) => of,
            (None, Per::View) => 1,
            (None, _) => {
                return Err(Usage::because("price: for how many seconds or bytes is the amount? of = 60"));
            }
        };
        Ok(Price { micro: micro.0, of: Quantity::new(of)?, per: self.per })
    }
}

impl SplitParty {
    fn party(&self) -> anyhow::Result<Party> {
        Ok(Party { ipi: self.ipi.clone(), party: parse_key(&self.key)?, ppm: self.ppm, role: self.role })
    }
}

impl SplitParent {
    fn parent(&self) -> anyhow::Result<Parent> {
        Ok(Parent { agreement: parse_id(&self.agreement)?, ppm: self.ppm })
    }
}

/// The number of the line in which the byte at `place` stands; the first one is 1.
fn line_of(text: &str, place: usize) -> usize {
    text.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1
}

/// An id has as many digits as a key.
fn parse_id(text: &str) -> anyhow::Result<AgreementId> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(AgreementId::from_bytes)
        .ok_or_else(|| Usage::because(format!("{text:?} is no id of an agreement")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_a_split_says_in_which_line_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("split.toml");
        fs::write(&path, "content = \"bafy\"\ncreator = \"aa\"\nunit = 7\n").unwrap();
        let error = Split::read(&path).err().unwrap().to_string();
        assert!(error.contains("split.toml, line 3: ") && !error.contains('\n'), "{error}");
        assert_eq!([line_of("a\nb", 0), line_of("a\nb", 2)], [1, 2]);
    }
}
