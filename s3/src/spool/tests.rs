use chunker::AccountSecret;

use super::*;

fn spool(folder: &Path, len_max: u64) -> Spool {
    Spool::new(folder.join("spool"), Account::new(AccountSecret::from_bytes([7; 32])), len_max)
}

fn about() -> About {
    About {
        bucket: "photos".to_owned(),
        key: "a secret name".to_owned(),
        media_type: None,
        fields: BTreeMap::new(),
        begun: UnixSeconds::new(1),
    }
}

fn put(spool: &Spool, id: &str, number: i32, bytes: &[u8]) {
    let mut writer = spool.write(id, number).unwrap();
    for piece in bytes.chunks(100_000) {
        writer.push(piece).unwrap();
    }
    writer.finish([u8::try_from(number % 256).unwrap(); 16]).unwrap();
}

fn get(spool: &Spool, id: &str, part: &Part) -> io::Result<Vec<u8>> {
    let mut reader = spool.read(id, part).unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next_piece()? {
        bytes.extend(piece);
    }
    Ok(bytes)
}

#[test]
fn parts_come_in_any_order_and_outlive_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let of = |number: i32, len: usize| vec![u8::try_from(number).unwrap(); len];
    let id = spool(folder.path(), u64::MAX).begin(&about()).unwrap();
    let lens = [(3, 1), (1, 700_001), (2, 256 << 10), (9, 0)];
    for (number, len) in lens {
        put(&spool(folder.path(), u64::MAX), &id, number, &of(number, len));
    }
    put(&spool(folder.path(), u64::MAX), &id, 3, &of(3, 77));
    drop(spool(folder.path(), u64::MAX).write(&id, 4).unwrap());

    let spool = spool(folder.path(), u64::MAX);
    assert_eq!(spool.about(&id).unwrap(), about());
    let parts = spool.parts(&id).unwrap();
    let found: Vec<_> = parts.iter().map(|part| (part.number, part.len)).collect();
    assert_eq!(found, [(1, 700_001), (2, 256 << 10), (3, 77), (9, 0)]);
    for part in &parts {
        assert_eq!(get(&spool, &id, part).unwrap(), of(part.number, usize::try_from(part.len).unwrap()));
    }
    spool.end(&id).unwrap();
    assert!(matches!(spool.about(&id), Err(SpoolError::NoUpload)));
    assert!(spool.all().unwrap().is_empty());
}

#[test]
fn the_disk_learns_neither_names_nor_bytes_and_no_change_goes_unnoticed() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path(), u64::MAX);
    let id = spool.begin(&about()).unwrap();
    put(&spool, &id, 1, &b"something private".repeat(50));
    let path = folder.path().join("spool").join(&id);
    for (file, plain) in [("about", "a secret name"), ("1", "something private")] {
        let bytes = fs::read(path.join(file)).unwrap();
        assert!(!bytes.windows(plain.len()).any(|window| window == plain.as_bytes()), "{file}");
    }
    let part = spool.parts(&id).unwrap()[0];
    let whole = fs::read(path.join("1")).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(path.join("1"), damaged).unwrap();
        assert!(spool.parts(&id).is_err() || get(&spool, &id, &part).is_err(), "byte {at}");
    }
}

#[test]
fn the_spool_has_limits() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path(), 1000);
    let id = spool.begin(&about()).unwrap();
    put(&spool, &id, 1, &[0; 2000]);
    assert!(matches!(spool.write(&id, 2), Err(SpoolError::Full { .. })));
    for none in ["", "..", "../x", &"f".repeat(32), &"F".repeat(32)] {
        assert!(matches!(spool.about(none), Err(SpoolError::NoUpload)), "{none:?}");
    }
}
