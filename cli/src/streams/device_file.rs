//! What a device needs, as a file that a shell reads.

use account::StreamKeys;
use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::KeptStream;

/// What stands before the seed of an Ed25519 key in PKCS #8 (RFC 8410), as `openssl pkeyutl -keyform DER` reads it.
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Assignments for `sh`: where to send, the token, for whom to encrypt, and the key that signs. Whoever has it writes in the device's name.
pub(crate) fn device_file(stream: &KeptStream, keys: &StreamKeys) -> Zeroizing<String> {
    let KeptStream { id, name, gateway, .. } = stream;
    let der = Zeroizing::new([PKCS8_HEAD.as_slice(), &keys.device().to_bytes()].concat());
    let key = Zeroizing::new(BASE64.encode(&der));
    let (token, recipient) = (keys.token().expose_text(), keys.recipient());
    Zeroizing::new(format!(
        "# What a device needs to write to {name}. Whoever has this file writes in its name: keep it secret.\n\
         HEADWATER_APPEND='{gateway}/append/{id}'\n\
         HEADWATER_STREAM='{id}'\n\
         HEADWATER_TOKEN='{}'\n\
         HEADWATER_RECIPIENT='{recipient}'\n\
         HEADWATER_KEY='{}'\n",
        *token, *key
    ))
}
