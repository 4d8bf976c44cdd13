//! Splitting an account's secret.

use chunker::AccountSecret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hpke::rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::cipher::{EXPONENT, encrypt};
use super::error::SplitSecretError;
use super::points::{DIGEST_AT, LEN, Point, SECRET_AT, interpolate};
use super::share::{RecoveryShare, Splitting};

/// Most shares of a secret.
pub const RECOVERY_SHARES_MAX: usize = 16;
/// Least shares that can be needed: one would be the secret itself.
pub const RECOVERY_SHARES_MIN: usize = 2;
/// Bytes by which a secret that came back is known to be right.
const DIGEST_LEN: usize = 4;

/// `of` shares, of which any `need` bring the secret back, and fewer say nothing of it.
///
/// Splitting it again gives other shares; those of before go on to bring it back among themselves.
pub fn split_secret(
    secret: &AccountSecret,
    need: usize,
    of: usize,
    random: &mut impl CryptoRng,
) -> Result<Vec<RecoveryShare>, SplitSecretError> {
    if !(RECOVERY_SHARES_MIN..=of).contains(&need) || of > RECOVERY_SHARES_MAX {
        return Err(SplitSecretError { need, of });
    }
    let byte = |number: usize| u8::try_from(number).expect("there are at most 16 shares");
    let mut id = [0; 2];
    random.fill_bytes(&mut id);
    let id = u16::from_be_bytes(id) & 0x7fff;
    let splitting = Splitting { id, is_extendable: true, exponent: EXPONENT, need: byte(need) };
    let encrypted = encrypt(secret.expose(), splitting);
    let mut points: Vec<_> = (0..byte(need) - 2)
        .map(|x| {
            let mut y = Zeroizing::new([0; LEN]);
            random.fill_bytes(&mut *y);
            Point { x, y }
        })
        .collect();
    let mut check = Zeroizing::new([0; LEN]);
    random.fill_bytes(&mut check[DIGEST_LEN..]);
    let sum = digest(&check, &encrypted);
    check[..DIGEST_LEN].copy_from_slice(&sum);
    points.push(Point { x: DIGEST_AT, y: check });
    points.push(Point { x: SECRET_AT, y: encrypted });
    // The random points are shares themselves; the interpolation gives them back.
    let shares = (0..byte(of)).map(|x| Point { x, y: interpolate(&points, x) });
    Ok(shares.map(|point| RecoveryShare { splitting, point }).collect())
}

/// Whether this is the secret for which this check was made.
pub(super) fn is_checked_by(secret: &[u8; LEN], check: &[u8; LEN]) -> bool {
    digest(check, secret) == check[..DIGEST_LEN]
}

/// The first bytes of `HMAC-SHA-256(random part of the check, secret)`.
fn digest(check: &[u8; LEN], secret: &[u8; LEN]) -> [u8; DIGEST_LEN] {
    let keyed = Hmac::<Sha256>::new_from_slice(&check[DIGEST_LEN..]).expect("HMAC takes a key of any length");
    let sum = keyed.chain_update(secret).finalize().into_bytes();
    *sum.first_chunk().expect("a digest has 32 bytes")
}
