//! Where films lie that are uploaded to be published: a folder of the gateway's own, emptied at its start and bounded while it runs.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

/// Films at a time, those included that wait for their turn to be packaged.
const FILMS_MAX: usize = 8;

const FOLDER: &str = "headwater-films";
const LOCK: &str = "headwater-films.lock";

/// The folder; no other gateway has it as long as this lives.
#[derive(Debug)]
pub(crate) struct FilmFolder {
    path: PathBuf,
    room: Arc<Room>,
    _lock: File,
}

/// A film in the folder; its file and its room are free when this is dropped.
#[derive(Debug)]
pub(crate) struct Film {
    file: NamedTempFile,
    place: Place,
}

/// A film cannot be kept meanwhile.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilmError {
    #[error("{FILMS_MAX} films are being published already")]
    TooMany,
    #[error("the films that are being published would take more than {0} bytes")]
    TooLong(u64),
    #[error(transparent)]
    Disk(#[from] io::Error),
}

/// What a film takes of the room.
#[derive(Debug)]
struct Place {
    len: u64,
    room: Arc<Room>,
}

#[derive(Debug)]
struct Room {
    len_max: u64,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    films: usize,
    bytes: u64,
}

impl FilmFolder {
    /// The folder inside of `work_folder`, emptied of what an earlier gateway has left, for films of `len_max` bytes together.
    pub(crate) fn open(work_folder: &Path, len_max: u64) -> io::Result<Self> {
        std::fs::create_dir_all(work_folder)?;
        let mut private = OpenOptions::new();
        private.write(true).create(true).truncate(false).mode(0o600);
        let lock = private.open(work_folder.join(LOCK))?;
        lock.try_lock().map_err(|_| io::Error::other("another gateway uses it"))?;
        let path = work_folder.join(FOLDER);
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => DirBuilder::new().mode(0o700).create(&path)?,
        }
        Ok(Self { path, room: Arc::new(Room { len_max, taken: Mutex::default() }), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An empty film with room for `len` bytes.
    pub(crate) fn begin(&self, len: u64) -> Result<Film, FilmError> {
        let mut place = Place::take(&self.room)?;
        place.hold(len)?;
        Ok(Film { file: NamedTempFile::new_in(&self.path)?, place })
    }
}

impl Film {
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// The file, to be written from its beginning.
    pub(crate) fn file(&self) -> io::Result<File> {
        self.file.reopen()
    }

    /// Makes sure that there is room for `len` bytes of it in all.
    pub(crate) fn hold(&mut self, len: u64) -> Result<(), FilmError> {
        self.place.hold(len)
    }
}

impl Place {
    fn take(room: &Arc<Room>) -> Result<Self, FilmError> {
        let mut taken = room.taken();
        if taken.films == FILMS_MAX {
            return Err(FilmError::TooMany);
        }
        taken.films += 1;
        Ok(Self { len: 0, room: Arc::clone(room) })
    }

    fn hold(&mut self, len: u64) -> Result<(), FilmError> {
        let more = len.saturating_sub(self.len);
        let mut taken = self.room.taken();
        if more > self.room.len_max - taken.bytes {
            return Err(FilmError::TooLong(self.room.len_max));
        }
        taken.bytes += more;
        self.len += more;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        taken.films -= 1;
        taken.bytes -= self.len;
    }
}

impl Room {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Two numbers stay usable whatever panicked beside them.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn films_are_bounded_in_number_and_in_bytes() {
        let work = tempfile::tempdir().unwrap();
        let folder = FilmFolder::open(work.path(), 100).unwrap();
        let mut film = folder.begin(60).unwrap();
        assert!(matches!(folder.begin(41), Err(FilmError::TooLong(100))));
        film.hold(50).unwrap();
        film.hold(100).unwrap();
        assert!(matches!(film.hold(101), Err(FilmError::TooLong(100))));
        drop(film);
        let films: Vec<_> = (0..FILMS_MAX).map(|_| folder.begin(1).unwrap()).collect();
        assert!(matches!(folder.begin(1), Err(FilmError::TooMany)));
        drop(films);
        assert!(folder.begin(100).is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "their files are gone");
    }

    #[test]
    fn what_was_left_there_is_removed_and_nothing_else() {
        let work = tempfile::tempdir().unwrap();
        std::fs::write(work.path().join("another"), "kept").unwrap();
        let folder = FilmFolder::open(work.path(), 100).unwrap();
        std::fs::write(folder.path().join("left"), "by a gateway that was killed").unwrap();
        assert!(FilmFolder::open(work.path(), 100).is_err(), "another gateway has it");
        drop(folder);
        let folder = FilmFolder::open(work.path(), 100).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(work.path().join("another").exists());
    }
}
