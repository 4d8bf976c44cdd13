//! A whole object as files: what a decoder of another make has to read, also without any two of the five shards.

use proofs::Root;

use super::{bytes32, control, golden_bytes};
use crate::{
    Coding, ContentKey, Encoder, Link, Manifest, ManifestParts, ObjectHeader, Padding, PlacementSeed,
    PlainBlock, RequiredTags, Salt,
};

#[test]
fn object() {
    let plaintext: Vec<u8> = b"Water finds its way. ".iter().copied().cycle().take(2500).collect();
    let (key, salt) = (ContentKey::from_bytes(bytes32("content key")), Salt::from_bytes(bytes32("salt")));
    let mut encoder = Encoder::new(Coding::new(3, 2).unwrap(), Padding::Padme, key.clone(), salt);
    assert!(encoder.push(&mut plaintext.as_slice()).unwrap().is_none());
    let ending = encoder.finish().unwrap();
    let geometry = *ending.geometry();
    let blocks: Vec<_> = ending.map(PlainBlock::seal).collect();
    let shards: Vec<_> =
        geometry.coding().columns().map(|column| blocks[0].column(column).unwrap().clone()).collect();
    assert_eq!((blocks.len(), shards.len(), geometry.shards()), (1, 5, 5));

    let name = Some("water.txt".to_owned());
    let header = ObjectHeader::new(plaintext.len() as u64, name, Some("text/plain".to_owned())).unwrap();
    let manifest = Manifest::new(ManifestParts {
        geometry,
        content_key: &key,
        salt,
        seed: PlacementSeed::from_bytes(bytes32("seed")),
        control: control(),
        roots: shards.iter().map(|shard| Root::of(shard)).collect(),
        required: RequiredTags::default(),
        header: &header,
    })
    .unwrap();
    assert_eq!(Manifest::decode(&manifest.encode()).as_ref(), Ok(&manifest));

    golden_bytes("object/plaintext", &plaintext);
    golden_bytes("object/manifest.cbor", &manifest.encode());
    golden_bytes("object/link", Link::new(manifest.cid(), key).to_string().as_bytes());
    for (root, shard) in manifest.roots().iter().zip(&shards) {
        golden_bytes(&format!("object/shards/{root}"), shard);
    }
}
