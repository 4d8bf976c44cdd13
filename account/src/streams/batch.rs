//! Opening a batch: what the gateway says is from the device is checked once more, and becomes records.

use protocol::PublicKey;
use sharing::{AppendSignatureError, IndexPath, KeptBatch, ReadingsError, readings};

use super::StreamKeys;

/// The records of a batch, called as they are in the folder of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Each with its path.
    pub records: Vec<(IndexPath, Vec<u8>)>,
    /// Why they are the batch itself, as it came; none where it opened.
    pub unopened: Option<Unopened>,
}

/// Why a batch of the device's is no records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// It is no file of age, or for somebody else.
    #[error("it does not open: {0}")]
    Age(String),
    /// What is in it is of another form.
    #[error("{0}")]
    Readings(#[from] ReadingsError),
}

impl StreamKeys {
    /// The records in a batch that its device has signed. One that does not open is a record itself: what was acknowledged is kept.
    pub fn open(&self, batch: KeptBatch) -> Result<Opened, AppendSignatureError> {
        let KeptBatch { number, signature, batch } = batch;
        let device: PublicKey = self.device_key();
        signature.check(device, self.id(), number, &batch)?;
        let records = self.plaintext(&batch).and_then(|plaintext| {
            let path = |name| number.path_of(name).expect("names in a batch are short enough");
            let records = readings(&plaintext)?;
            Ok(records.iter().map(|(name, bytes)| (path(name), bytes.to_vec())).collect())
        });
        Ok(match records {
            Ok(records) => Opened { records, unopened: None },
            Err(why) => Opened { records: vec![(number.path_unopened(), batch)], unopened: Some(why) },
        })
    }

    /// Never longer than the batch: age does not compress.
    fn plaintext(&self, batch: &[u8]) -> Result<Vec<u8>, Unopened> {
        age::decrypt(&self.reading, batch).map_err(|error| Unopened::Age(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use chunker::AccountSecret;
    use sharing::{AppendSignature, BatchNumber, LinkId, signed_text};

    use super::*;

    const ID: LinkId = LinkId::from_bytes([2; 32]);

    fn keys() -> StreamKeys {
        StreamKeys::derive(&AccountSecret::from_bytes([1; 32]), ID)
    }

    fn sent(keys: &StreamKeys, plaintext: &[u8]) -> KeptBatch {
        signed(keys, age::encrypt(&keys.reading.to_public(), plaintext).unwrap())
    }

    fn signed(keys: &StreamKeys, batch: Vec<u8>) -> KeptBatch {
        let number = BatchNumber::try_from(7).unwrap();
        let signature = keys.device().sign(signed_text(ID, number, &batch).as_bytes());
        KeptBatch { number, signature: AppendSignature::from_bytes(signature.to_bytes()), batch }
    }

    fn path(text: &str) -> IndexPath {
        IndexPath::new(text).unwrap()
    }

    #[test]
    fn what_a_device_sends_becomes_records() {
        let opened = keys().open(sent(&keys(), b"4 a.txt\n21.50 ward 3/b\n")).unwrap();
        let expected = [("a.txt", "21.5"), ("ward 3/b", "")];
        let expected = expected.map(|(name, text)| (path(&format!("0000000000000007/{name}")), text.into()));
        assert_eq!(opened, Opened { records: expected.to_vec(), unopened: None });
    }

    #[test]
    fn what_does_not_open_is_kept_as_it_came() {
        let other = StreamKeys::derive(&AccountSecret::from_bytes([9; 32]), ID);
        let for_another = age::encrypt(&other.reading.to_public(), b"1 a\nx").unwrap();
        let mut damaged = age::encrypt(&keys().reading.to_public(), b"1 a\nx").unwrap();
        *damaged.last_mut().unwrap() ^= 1;
        let leads_out = age::encrypt(&keys().reading.to_public(), b"1 ../a\nx").unwrap();
        for batch in [for_another, damaged, leads_out, b"no age".to_vec()] {
            let opened = keys().open(signed(&keys(), batch.clone())).unwrap();
            assert_eq!(opened.records, [(path("0000000000000007.age"), batch)]);
            assert!(opened.unopened.is_some());
        }
    }

    #[test]
    fn a_gateway_cannot_send_anything_in_the_name_of_the_device() {
        let mut batch = sent(&keys(), b"1 a\nx");
        batch.number = BatchNumber::try_from(8).unwrap();
        assert_eq!(keys().open(batch), Err(AppendSignatureError::Wrong));
        let other = StreamKeys::derive(&AccountSecret::from_bytes([9; 32]), ID);
        let batch = age::encrypt(&keys().reading.to_public(), b"1 a\nx").unwrap();
        assert_eq!(keys().open(signed(&other, batch)), Err(AppendSignatureError::Wrong));
    }
}
