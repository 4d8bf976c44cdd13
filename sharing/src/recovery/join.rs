//! Bringing an account's secret back.

use chunker::AccountSecret;

use super::cipher::decrypt;
use super::error::JoinSharesError;
use super::points::{DIGEST_AT, Point, SECRET_AT, interpolate};
use super::share::RecoveryShare;
use super::split::is_checked_by;

/// The secret of which these are shares. More than are needed are welcome, and have to fit too.
pub fn join_secret(shares: &[RecoveryShare]) -> Result<AccountSecret, JoinSharesError> {
    let Some(first) = shares.first() else { return Err(JoinSharesError::None) };
    if let Some(at) = shares.iter().position(|share| share.splitting != first.splitting) {
        return Err(JoinSharesError::Mixed { number: at + 1 });
    }
    let need = first.need();
    for (second, share) in shares.iter().enumerate() {
        if let Some(first) = shares[..second].iter().position(|other| other.point.x == share.point.x) {
            return Err(JoinSharesError::Twice { first: first + 1, second: second + 1, need });
        }
    }
    if shares.len() < need {
        return Err(JoinSharesError::TooFew { found: shares.len(), need });
    }
    let points: Vec<Point> = shares.iter().map(|share| share.point.clone()).collect();
    let (known, further) = points.split_at(need);
    let encrypted = interpolate(known, SECRET_AT);
    // One share alone is the secret, and has nothing beside it to be checked by.
    let is_right = need == 1 || is_checked_by(&encrypted, &interpolate(known, DIGEST_AT));
    if !is_right || further.iter().any(|point| *interpolate(known, point.x) != *point.y) {
        return Err(JoinSharesError::Digest);
    }
    Ok(AccountSecret::from_bytes(*decrypt(&encrypted, first.splitting)))
}
