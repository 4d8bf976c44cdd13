//! Runs every golden vector in `docs/vectors/streams`, and damages them. `make.py` there makes them from the specification alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chunker::AccountSecret;
use data_encoding::HEXLOWER;
use fuzzing::fuzz;
use protocol::{NetworkId, Record, SecretKey, Signed, keys};
use serde_json::Value;
use sharing::{
    AppendSignature, BatchNumber, DeviceStream, DeviceStreamEnd, IndexPath, KeptBatch, KeptBatches, LinkId,
    STREAM_BATCH_LEN_MAX, StreamInquiry, StreamToken, readings,
};

fn file(name: &str) -> Value {
    let path = format!("{}/../docs/vectors/streams/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn hex32(value: &Value) -> [u8; 32] {
    hex(value).try_into().unwrap()
}

/// Runs each vector of a file; it says whether it is accepted.
fn each(file: &Value, run: impl Fn(&Value) -> Result<(), String>) {
    let vectors = file["vectors"].as_array().unwrap();
    for accepted in [true, false] {
        assert!(vectors.iter().any(|vector| vector["accepted"] == accepted), "some are, some are not");
    }
    for vector in vectors {
        let result = run(vector);
        assert_eq!(result.is_ok(), vector["accepted"] == true, "{}: {result:?}", vector["name"]);
    }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Takes a record of this type, and says whether it is one of another type.
fn take<T: Record>(bytes: &[u8], network: &NetworkId) -> Result<(), String> {
    let record: Signed<T> = Signed::decode(bytes, network).map_err(words)?;
    assert_eq!(record.encode(), bytes);
    Ok(())
}

#[test]
fn records() {
    let file = file("records");
    let network = NetworkId::from_bytes(hex32(&file["network"]));
    each(&file, |vector| {
        let bytes = hex(&vector["record"]);
        let as_stream = take::<DeviceStream>(&bytes, &network);
        as_stream
            .or_else(|_| take::<DeviceStreamEnd>(&bytes, &network))
            .or_else(|_| take::<StreamInquiry>(&bytes, &network))
    });
}

#[test]
fn keys_and_signatures() {
    let file = file("signatures");
    let given = &file["keys"][0];
    let account = AccountSecret::from_bytes(hex32(&given["account"]));
    let id = LinkId::from_bytes(hex32(&given["id"]));
    let device = SecretKey::from_bytes(account.stream_device_seed(id.as_bytes()).expose()).public();
    assert_eq!(device, keys::from_bytes(&hex32(&given["device"])).unwrap());
    assert_eq!(*StreamToken::derive(&account, id).expose_text(), given["token"].as_str().unwrap());
    assert_eq!(account.stream_reading_key(id.as_bytes()).expose(), &hex32(&given["reading"]));
    each(&file, |vector| {
        let number: BatchNumber = vector["number"].as_str().unwrap().parse().map_err(words)?;
        let signature: AppendSignature = vector["signature"].as_str().unwrap().parse().map_err(words)?;
        assert_eq!(signature.to_string(), vector["signature"].as_str().unwrap());
        signature.check(device, id, number, &hex(&vector["batch"])).map_err(words)
    });
}

#[test]
fn plaintexts_of_batches() {
    let number = BatchNumber::try_from(7).unwrap();
    each(&file("readings"), |vector| {
        let plain = hex(&vector["plain"]);
        for name in readings(&plain).map_err(words)?.keys() {
            let path = number.path_of(name).unwrap();
            assert_eq!(path.as_str(), format!("0000000000000007/{}", name.as_str()));
        }
        Ok(())
    });
}

#[test]
fn answers() {
    each(&file("answers"), |vector| {
        let bytes = hex(&vector["answer"]);
        assert_eq!(KeptBatches::decode(&bytes).map_err(words)?.encode(), bytes);
        Ok(())
    });
    let one = |len| {
        let (number, signature) = (BatchNumber::try_from(1).unwrap(), AppendSignature::from_bytes([0; 64]));
        KeptBatches::new(vec![KeptBatch { number, signature, batch: vec![0; len] }])
    };
    assert!(one(STREAM_BATCH_LEN_MAX).is_ok() && one(STREAM_BATCH_LEN_MAX + 1).is_err());
}

/// Whatever a device or a gateway sends: what is taken of it leads out of no folder, and is there as it was sent.
#[test]
fn what_is_damaged_does_not_bring_a_reader_down() {
    let of = |name: &str, key: &str| -> Vec<Vec<u8>> {
        file(name)["vectors"].as_array().unwrap().iter().map(|vector| hex(&vector[key])).collect()
    };
    let small = |all: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
        all.into_iter().filter(|bytes| !bytes.is_empty() && bytes.len() < 5000).collect()
    };
    let (plain, answers) = (small(of("readings", "plain")), small(of("answers", "answer")));
    let number = BatchNumber::try_from(1).unwrap();
    fuzz(|random| {
        let bytes = random.damaged(&plain);
        if let Ok(records) = readings(&bytes) {
            let mut sum = 0;
            for (name, record) in &records {
                let path: IndexPath = number.path_of(name).unwrap();
                assert!(path.as_str().split('/').all(|part| !["", ".", ".."].contains(&part)));
                sum += record.len() + record.len().to_string().len() + name.as_str().len() + 2;
            }
            assert_eq!(sum, bytes.len(), "no byte is left over");
        }
        let bytes = random.damaged(&answers);
        if let Ok(batches) = KeptBatches::decode(&bytes) {
            assert_eq!(batches.encode(), bytes);
        }
    });
}
