//! Polynomials over the field, one for each byte of a secret, known by some of their points.

use zeroize::Zeroizing;

use super::field::{inverse, times};

/// Bytes of a secret.
pub(super) const LEN: usize = 32;
/// Where the polynomials have the secret.
pub(super) const SECRET_AT: u8 = 255;
/// Where they have what the secret is checked by.
pub(super) const DIGEST_AT: u8 = 254;

/// The values of all polynomials at one place.
#[derive(Clone)]
pub(super) struct Point {
    /// The place; no secret.
    pub(super) x: u8,
    pub(super) y: Zeroizing<[u8; LEN]>,
}

/// The values at `x` of the polynomials of least degree through these points, whose places differ (Lagrange).
pub(super) fn interpolate(points: &[Point], x: u8) -> Zeroizing<[u8; LEN]> {
    let mut sum = Zeroizing::new([0; LEN]);
    for point in points {
        let others = points.iter().map(|other| other.x).filter(|other| *other != point.x);
        let weight =
            others.fold(1, |weight, other| times(weight, times(x ^ other, inverse(point.x ^ other))));
        for (sum, y) in sum.iter_mut().zip(point.y.iter()) {
            *sum ^= times(*y, weight);
        }
    }
    sum
}
