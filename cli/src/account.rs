//! The account file: 32 random bytes in hexadecimal, from which every other key is derived.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chunker::AccountSecret;
use client::{Client, ObjectSecrets};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use proofs::Cid;
use protocol::{PublicKey, SecretKey, keys};
use rand::Rng;
use zeroize::Zeroizing;

use crate::failure::Usage;
use crate::folders;
use crate::output::Output;

const SECRET_LEN: usize = 32;

/// The account in `path`, or in the user's configuration folder when none is named.
///
/// The first use creates it, readable by its owner alone, and says so.
pub(crate) fn open(path: Option<&Path>, output: Output) -> anyhow::Result<AccountSecret> {
    let path = self::path(path)?;
    if !path.exists() {
        create(&path).with_context(|| format!("cannot create the account file {}", path.display()))?;
        output.note(format_args!(
            "created your account in {}; keep a copy in a safe place: whoever has it can read and release \
             all that you store, and without it nobody can",
            path.display()
        ));
    }
    load(&path, output)
}

/// Makes the account file of a secret that came from elsewhere; a file of the same account may be there, none of another.
pub(crate) fn restore(path: Option<&Path>, secret: &AccountSecret) -> anyhow::Result<PathBuf> {
    let path = self::path(path)?;
    let name = path.display();
    write(&path, secret.expose()).with_context(|| format!("cannot create the account file {name}"))?;
    let text = Zeroizing::new(
        fs::read_to_string(&path).with_context(|| format!("cannot read the account file {name}"))?,
    );
    match from_hex(text.trim()) {
        Some(there) if AccountSecret::from_bytes(*there) == *secret => Ok(path),
        _ => bail!("{name} is there already and holds another account; name another file with --account"),
    }
}

/// The key that pays for what the account stores, and by which nodes admit it.
pub(crate) fn payer(account: &AccountSecret) -> SecretKey {
    SecretKey::from_bytes(account.payer_seed().expose())
}

/// The key that watches on account and shares in titles.
pub(crate) fn payment(account: &AccountSecret) -> SecretKey {
    SecretKey::from_bytes(account.payment_seed().expose())
}

/// The key that signs the account's publications, and what it attests to.
pub(crate) fn creator(account: &AccountSecret) -> SecretKey {
    SecretKey::from_bytes(account.creator_seed().expose())
}

/// Where the account in `path` remembers what it has published on this machine: beside the account.
pub(crate) fn publishing_index(path: Option<&Path>) -> anyhow::Result<PathBuf> {
    let path = self::path(path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".publications");
    Ok(path.with_file_name(name))
}

/// The key with which the account controls an object that it has put: it releases the object and delegates its care.
pub(crate) async fn control_key(
    client: &Client,
    account: &AccountSecret,
    cid: Cid,
) -> anyhow::Result<SecretKey> {
    let manifest = client.manifest(&cid).await?;
    let control = ObjectSecrets::new(account, manifest.salt()).control;
    if control.public().as_bytes() != manifest.control().as_bytes() {
        bail!("your account did not put this object: only its owner can let others take care of it");
    }
    Ok(control)
}

/// A payer's public key as `headwater account` shows it.
pub(crate) fn parse_payer_key(text: &str) -> anyhow::Result<PublicKey> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let key = bytes.and_then(|bytes| keys::from_bytes(&bytes).ok());
    key.ok_or_else(|| Usage::because(format!("{text:?} is no payer's key: it has 64 hexadecimal digits")))
}

/// The account file that the user means.
pub(crate) fn path(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    match named {
        Some(path) => Ok(path.to_owned()),
        None => Ok(folders::config()?.join("account")),
    }
}

fn load(path: &Path, output: Output) -> anyhow::Result<AccountSecret> {
    let name = path.display();
    let text = Zeroizing::new(
        fs::read_to_string(path).with_context(|| format!("cannot read the account file {name}"))?,
    );
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        output.note(format_args!("other users can read your account: chmod 600 {name}"));
    }
    let secret = from_hex(text.trim()).ok_or_else(|| {
        Usage::because(format!("the account file {name} must hold 64 hexadecimal digits and nothing else"))
    })?;
    Ok(AccountSecret::from_bytes(*secret))
}

/// Writes a new secret beside `path` and links it there, so that of two first uses at the same
/// moment one wins and the other finds its file whole.
fn create(path: &Path) -> io::Result<()> {
    let mut secret = Zeroizing::new([0; SECRET_LEN]);
    rand::rng().fill_bytes(&mut *secret);
    write(path, &secret)
}

/// Does nothing when there is a file already.
fn write(path: &Path, secret: &[u8; SECRET_LEN]) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(Zeroizing::new(to_hex(secret)).as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn to_hex(secret: &[u8; SECRET_LEN]) -> String {
    let mut text = HEXLOWER.encode(secret);
    text.push('\n');
    text
}

fn from_hex(text: &str) -> Option<Zeroizing<[u8; SECRET_LEN]>> {
    if text.len() != 2 * SECRET_LEN {
        return None;
    }
    let mut secret = Zeroizing::new([0; SECRET_LEN]);
    HEXLOWER_PERMISSIVE.decode_mut(text.as_bytes(), &mut *secret).ok()?;
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_goes_both_ways() {
        let secret = std::array::from_fn(|i| u8::try_from(i * 7).unwrap());
        assert_eq!(*from_hex(to_hex(&secret).trim()).unwrap(), secret);
    }

    #[test]
    fn other_texts_are_no_account() {
        for text in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(32)] {
            assert!(from_hex(text).is_none(), "{text:?} was taken for an account");
        }
    }

    #[test]
    fn the_first_use_creates_a_private_file_and_the_second_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/account");
        create(&path).unwrap();
        let first = fs::read(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        create(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first, "a second creation must not replace the account");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left behind");
    }
}
