//! Admission: a payer vouches for the endpoint of its client.

use std::fmt;

use iroh_base::PublicKey;
use serde::{Deserialize, Serialize};

use crate::{Code, Record, UnixSeconds, keys};

/// Binds the QUIC endpoint that presents it to the payer that signed it (spec §11).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// The endpoint that may act for the payer.
    #[serde(with = "keys")]
    pub endpoint: PublicKey,
    /// When the permission ends.
    pub expires: UnixSeconds,
}

impl Record for Admission {
    const TYPE: &'static str = "admission";
}

impl Admission {
    /// Checks that the record speaks for `endpoint`, the peer of the handshake, at `now`.
    pub fn admits(&self, endpoint: &PublicKey, now: UnixSeconds) -> Result<(), AdmissionError> {
        if self.endpoint != *endpoint {
            return Err(AdmissionError::OtherEndpoint { named: self.endpoint, presented_by: *endpoint });
        }
        if self.expires.has_passed(now) {
            return Err(AdmissionError::Expired { expires: self.expires });
        }
        Ok(())
    }
}

/// Why an admission does not speak for a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum AdmissionError {
    #[error("admission of endpoint {named} presented by {presented_by}")]
    OtherEndpoint { named: PublicKey, presented_by: PublicKey },
    #[error("admission expired at {expires}")]
    Expired { expires: UnixSeconds },
}

impl AdmissionError {
    /// The code with which a node refuses.
    pub const fn code(&self) -> Code {
        match self {
            Self::OtherEndpoint { .. } => Code::NotAdmitted,
            Self::Expired { .. } => Code::Expired,
        }
    }
}

impl fmt::Display for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "endpoint    {}", self.endpoint)?;
        write!(f, "expires     {}", self.expires)
    }
}

#[cfg(test)]
mod tests {
    use iroh_base::SecretKey;

    use super::*;

    #[test]
    fn only_the_named_endpoint_is_admitted_and_only_until_the_end() {
        let [endpoint, other] = [1, 2].map(|seed| SecretKey::from_bytes(&[seed; 32]).public());
        let expires = UnixSeconds::new(100);
        let admission = Admission { endpoint, expires };
        assert_eq!(admission.admits(&endpoint, UnixSeconds::new(99)), Ok(()));
        assert_eq!(admission.admits(&endpoint, expires), Err(AdmissionError::Expired { expires }));
        let refused = admission.admits(&other, UnixSeconds::new(99)).unwrap_err();
        assert_eq!(refused.code(), Code::NotAdmitted);
    }
}
