//! The folder of a ledger: its secret, its terms, its clock, the token of its operator, its journal and its log.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use ledger::Terms;
use ledger::tlog::KeyName;
use ledger_service::{LedgerKeys, LedgerSecret, OperatorToken, Schedule};
use proofs::canonical;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::failure::Usage;
use crate::folders::{write_atomically, write_privately};

const SECRET: &str = "secret";
const SETTINGS: &str = "ledger.json";
const TOKEN: &str = "operator.token";
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

    /// Where the log lies.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// What operators show.
    pub(crate) fn operator(&self) -> anyhow::Result<OperatorToken> {
        Ok(OperatorToken::new(&token(&self.dir)?)?)
    }
}

/// The operator's token in this folder.
pub(crate) fn token(dir: &Path) -> anyhow::Result<Zeroizing<String>> {
    let path = dir.join(TOKEN);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}
