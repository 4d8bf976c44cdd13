use chunker::AccountSecret;

use super::*;

fn spool(folder: &Path, len_max: u64) -> Spool {
    Spool::open(folder.join("spool"), Account::new(AccountSecret::from_bytes([7; 32])), len_max).unwrap()
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
    let mut writer = spool.write(id, number, None).unwrap();
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
    drop(spool(folder.path(), u64::MAX).write(&id, 4, None).unwrap());

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
    let is_full = |writer: Result<PartWriter, SpoolError>| matches!(writer, Err(SpoolError::Full { .. }));
    // Two whole pieces and what is around them.
    let (piece, max) = (vec![0; 256 << 10], (2 * (256 << 10)) + 1000);
    let spool = spool(folder.path(), max);
    let id = spool.begin(&about()).unwrap();
    assert!(is_full(spool.write(&id, 1, Some(max + 1))));
    let mut long = spool.write(&id, 1, None).unwrap();
    long.push(&piece.repeat(2)).unwrap();
    assert!(matches!(long.push(&piece), Err(SpoolError::Full { .. })), "in the middle of a part");
    drop(long);
    put(&spool, &id, 2, &piece);
    put(&spool, &id, 2, &piece);
    put(&spool, &id, 3, &piece);
    assert!(is_full(spool.write(&id, 4, Some(1000))));
    let again = self::spool(folder.path(), max);
    assert!(is_full(again.write(&id, 4, Some(1000))), "what was there before counts");
    spool.end(&id).unwrap();
    let id = spool.begin(&about()).unwrap();
    assert!(spool.write(&id, 1, Some(max)).is_ok());
    for none in ["", "..", "../x", &"f".repeat(32), &"F".repeat(32)] {
        assert!(matches!(spool.about(none), Err(SpoolError::NoUpload)), "{none:?}");
    }
}

#[test]
fn what_became_an_object_is_no_upload_any_more_and_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path(), 3000);
    let done = Completed { bucket: "photos".to_owned(), key: "a".to_owned(), tag: "00-1".to_owned() };
    let id = spool.begin(&about()).unwrap();
    put(&spool, &id, 1, &[0; 2000]);
    let late = spool.write(&id, 2, None).unwrap();
    spool.complete(&id, &done).unwrap();
    assert!(matches!(late.finish([0; 16]), Err(SpoolError::NoUpload)));
    assert!(matches!(spool.about(&id), Err(SpoolError::NoUpload)));
    assert!(matches!(spool.end(&id), Err(SpoolError::NoUpload)));
    assert_eq!(spool.completed(&id).unwrap(), Some(done.clone()));
    assert!(spool.all().unwrap().is_empty());

    // An interruption between the note and the parts: the note counts, and the parts go.
    let id = spool.begin(&about()).unwrap();
    put(&spool, &id, 1, &[0; 2000]);
    spool.notes.write(&id, &done).unwrap();
    assert!(matches!(spool.about(&id), Err(SpoolError::NoUpload)));
    spool.tidy().unwrap();
    assert!(!folder.path().join("spool").join(&id).exists());
    let again = self::spool(folder.path(), 3000);
    assert_eq!(again.completed(&id).unwrap(), Some(done));
}

#[test]
fn what_an_interruption_left_goes() {
    let folder = tempfile::tempdir().unwrap();
    let id = spool(folder.path(), 3000).begin(&about()).unwrap();
    let draft = |name: &str, age| {
        let path = folder.path().join("spool").join(&id).join(name);
        fs::write(&path, [0; 2500]).unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
        path
    };
    let (old, young) = (draft("1-x.new", Duration::from_hours(2)), draft("2-x.new", Duration::from_mins(2)));
    let spool = spool(folder.path(), 3000);
    assert_eq!((old.exists(), young.exists()), (false, true));
    assert!(matches!(spool.write(&id, 3, Some(1000)), Err(SpoolError::Full { .. })));
}
