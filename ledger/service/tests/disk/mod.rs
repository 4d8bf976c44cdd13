//! A disk in memory that keeps what was synced. Of what was written after the last sync, any part may be there after the power
//! was gone: nothing of it, all of it, or some sectors of some writes.

use std::io;
use std::sync::{Arc, Mutex};

use rand::RngExt as _;
use rand::rngs::StdRng;

/// A disk writes this many bytes whole or not at all.
const SECTOR: usize = 512;

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<Image>>);

#[derive(Debug, Default)]
struct Image {
    /// As it is read.
    now: Vec<u8>,
    /// As it was at the last sync.
    synced: Vec<u8>,
    /// What was written since.
    since: Vec<Change>,
    /// Changes and syncs until the power goes.
    left: u64,
    is_dead: bool,
}

#[derive(Debug, Clone)]
enum Change {
    Bytes { offset: usize, bytes: Vec<u8> },
    Len(usize),
}

/// What is left of the writes that were not synced.
#[derive(Clone, Copy)]
enum Luck {
    Nothing,
    Everything,
    Some,
}

impl Disk {
    /// The power goes after so many changes and syncs.
    pub(crate) fn dies_after(&self, operations: u64) {
        self.0.lock().unwrap().left = operations;
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.0.lock().unwrap().is_dead
    }

    /// The disk as it is found again.
    pub(crate) fn after_power_failure(&self, random: &mut StdRng) -> Self {
        let image = self.0.lock().unwrap();
        let mut found = image.synced.clone();
        let luck = [Luck::Nothing, Luck::Everything, Luck::Some][random.random_range(0..3)];
        for change in &image.since {
            match (luck, change) {
                (Luck::Nothing, _) => {}
                (Luck::Some, Change::Bytes { offset, bytes }) => {
                    for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                        if random.random() {
                            write(&mut found, offset + number * SECTOR, sector);
                        }
                    }
                }
                (Luck::Some, Change::Len(_)) if random.random() => {}
                (_, change) => change.apply(&mut found),
            }
        }
        let image = Image { now: found.clone(), synced: found, ..Image::default() };
        Self(Arc::new(Mutex::new(image)))
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let mut image = self.0.lock().unwrap();
        image.operate()?;
        change.apply(&mut image.now);
        image.since.push(change);
        Ok(())
    }
}

impl Image {
    fn operate(&mut self) -> io::Result<()> {
        self.is_dead |= self.left == 0;
        self.left = self.left.saturating_sub(1);
        self.alive()
    }

    fn alive(&self) -> io::Result<()> {
        if self.is_dead { Err(io::Error::other("the power is gone")) } else { Ok(()) }
    }
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Bytes { offset, bytes } => write(image, *offset, bytes),
            Self::Len(len) => image.resize(*len, 0),
        }
    }
}

/// Whatever lies before it, and was never written, is zero.
fn write(image: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if image.len() < end {
        image.resize(end, 0);
    }
    image[offset..end].copy_from_slice(bytes);
}

impl redb::StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        let image = self.0.lock().unwrap();
        image.alive()?;
        Ok(image.now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let image = self.0.lock().unwrap();
        image.alive()?;
        let offset = usize::try_from(offset).unwrap();
        let found = image.now.get(offset..offset + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::Len(usize::try_from(len).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut image = self.0.lock().unwrap();
        image.operate()?;
        let Image { now, synced, .. } = &mut *image;
        synced.clone_from(now);
        image.since.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Bytes { offset: usize::try_from(offset).unwrap(), bytes: data.to_vec() })
    }
}
