//! The folder of a ledger: its secret, its terms, its clock, the token of its operator, its journal and its log.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use ledger::Terms;
use ledger::tlog::KeyName;
use ledger_service::{LedgerKeys, LedgerSecret, OperatorToken, Schedule};
use proofs::canonical;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::failure::Usage;
use crate::folders::{write_atomically, write_privately};

const SECRET: &str = "secret";
const SETTINGS: &str = "ledger.json";
const TOKEN: &str = "operator.token";
/// Says into which database the journal was moved; the file in the folder is old from then on.
const MOVED: &str = "journal.moved";
const TERMS_LEN_MAX: usize = 1024;

/// A folder that `headwater ledger init` has made.
#[derive(Debug)]
pub(crate) struct LedgerFolder {
    pub(crate) dir: PathBuf,
    pub(crate) keys: LedgerKeys,
    pub(crate) terms: Terms,
    pub(crate) schedule: Schedule,
}

/// What is not secret of it.
#[derive(Debug, Serialize, Deserialize)]
struct Settings {
    origin: String,
    /// Canonical CBOR in base64.
    terms: String,
    schedule: Schedule,
}

impl LedgerFolder {
    /// Makes the folder of a new ledger; there may be none in it.
    pub(crate) fn create(
        dir: &Path,
        secret: &LedgerSecret,
        origin: KeyName,
        terms: Terms,
        schedule: Schedule,
    ) -> anyhow::Result<Self> {
        if dir.join(SETTINGS).exists() {
            bail!("{} holds a ledger already", dir.display());
        }
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let text = Zeroizing::new(HEXLOWER.encode(secret.expose()));
        let token = Zeroizing::new(HEXLOWER.encode(&rand::random::<[u8; 32]>()));
        let terms_text = BASE64.encode(&canonical::to_vec(&terms));
        let settings = Settings { origin: origin.to_string(), terms: terms_text, schedule };
        let write = || {
            write_privately(&dir.join(SECRET), text.as_bytes())?;
            write_privately(&dir.join(TOKEN), token.as_bytes())?;
            write_atomically(&dir.join(SETTINGS), &serde_json::to_vec_pretty(&settings)?)
        };
        write().with_context(|| format!("cannot write to {}", dir.display()))?;
        Ok(Self { dir: dir.to_owned(), keys: LedgerKeys::new(secret, origin), terms, schedule })
    }

    /// Reads a folder.
    pub(crate) fn open(dir: &Path) -> anyhow::Result<Self> {
        let name = dir.display();
        let settings = fs::read(dir.join(SETTINGS)).map_err(|error| {
            Usage::because(format!("{name} holds no ledger ({error}); make one with `headwater ledger init`"))
        })?;
        let settings: Settings =
            serde_json::from_slice(&settings).with_context(|| format!("{SETTINGS} in {name}"))?;
        let terms = BASE64.decode(settings.terms.as_bytes()).context("the terms are no base64")?;
        let terms = canonical::from_slice(&terms, TERMS_LEN_MAX).context("the terms")?;
        let origin = KeyName::new(&settings.origin).context("the name of the log is none")?;
        let secret =
            Zeroizing::new(fs::read_to_string(dir.join(SECRET)).context("the secret of the ledger")?);
        let secret = HEXLOWER_PERMISSIVE.decode(secret.trim().as_bytes()).ok();
        let secret = secret
            .and_then(|bytes| bytes.try_into().ok())
            .context("the secret is not 64 hexadecimal digits")?;
        let keys = LedgerKeys::new(&LedgerSecret::from_bytes(secret), origin);
        Ok(Self { dir: dir.to_owned(), keys, terms, schedule: settings.schedule })
    }

    /// Where the journal lies when no database is named.
    pub(crate) fn journal(&self) -> PathBuf {
        self.dir.join("journal.redb")
    }

    /// The same, unless it was moved into a database since: what was written there is not in the file.
    pub(crate) fn current_journal(&self) -> anyhow::Result<PathBuf> {
        let dir = self.dir.display();
        match fs::read_to_string(self.dir.join(MOVED)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(self.journal()),
            Err(error) => Err(error).with_context(|| format!("cannot read {MOVED} in {dir}")),
            Ok(url) => Err(Usage::because(format!(
                "the journal of {dir} was moved into a database, and the file is old: --database {}; \
                 `headwater ledger migrate --from` brings it back",
                url.trim()
            ))),
        }
    }

    /// Remembers that the journal is in this database from now on.
    pub(crate) fn mark_moved(&self, url: &str) -> anyhow::Result<()> {
        let url = without_password(url) + "\n";
        write_atomically(&self.dir.join(MOVED), url.as_bytes())
            .context("cannot remember where the journal is")
    }

    /// Remembers that the journal is in the file again.
    pub(crate) fn mark_back(&self) -> anyhow::Result<()> {
        match fs::remove_file(self.dir.join(MOVED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).context("cannot remember where the journal is")
            }
            _ => Ok(()),
        }
    }

    /// Where the log lies.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// What operators show.
    pub(crate) fn operator(&self) -> anyhow::Result<OperatorToken> {
        Ok(OperatorToken::new(&token(&self.dir)?)?)
    }
}

/// The address of a database as everybody may read it.
fn without_password(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "postgres://…".to_owned() };
    // Fails only where an address has no host, and then it has no password either.
    let _known = url.set_password(None);
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != "password")
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    url.into()
}

/// The operator's token in this folder.
pub(crate) fn token(dir: &Path) -> anyhow::Result<Zeroizing<String>> {
    let path = dir.join(TOKEN);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_remembered() {
        assert_eq!(without_password("postgres://a:secret@db/l"), "postgres://a@db/l");
        let with_options = "postgres://a@db/l?password=secret&sslmode=verify-full";
        assert_eq!(without_password(with_options), "postgres://a@db/l?sslmode=verify-full");
        assert_eq!(without_password("host=db password=secret"), "postgres://…");
    }
}
