//! One part of an upload as a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use account::Account;
use chunker::Salt;

use super::room::Share;
use super::seal::{Cipher, Place, SALT_LEN, TAG_LEN};
use super::{DRAFT, SpoolError};

/// Plaintext of a piece, in bytes.
const PIECE_LEN: usize = 256 << 10;
/// Plaintext of the foot: the length, and the MD5.
const FOOT_LEN: usize = 8 + 16;
const SEALED_FOOT_LEN: usize = FOOT_LEN + TAG_LEN;

/// A part that is being written; dropped before it is finished, it leaves nothing behind.
pub(crate) struct PartWriter {
    cipher: Cipher,
    file: File,
    draft: Draft,
    path: PathBuf,
    piece: Vec<u8>,
    pieces: u64,
    len: u64,
    // Behind the draft: what it took is given back when it is gone.
    share: Share,
}

/// A file that is removed unless it gets another name.
struct Draft(PathBuf);

impl PartWriter {
    pub(super) fn create(
        account: &Account,
        mut share: Share,
        folder: &Path,
        number: i32,
    ) -> Result<Self, SpoolError> {
        let path = folder.join(number.to_string());
        // Two of one number may come at the same time.
        let draft = Draft(folder.join(format!("{number}-{:016x}{DRAFT}", rand::random::<u64>())));
        let salt = Salt::from_bytes(rand::random());
        share.grow(SALT_LEN as u64)?;
        let mut file = private().create_new(true).open(&draft.0)?;
        file.write_all(salt.as_bytes())?;
        let piece = Vec::with_capacity(PIECE_LEN + TAG_LEN);
        let cipher = Cipher::new(account, &salt);
        Ok(Self { cipher, file, draft, path, piece, pieces: 0, len: 0, share })
    }

    /// Bytes that were pushed.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), SpoolError> {
        self.len += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_LEN - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE_LEN {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// The part is durable, and counts, when this returns.
    pub(crate) fn finish(mut self, md5: [u8; 16]) -> Result<(), SpoolError> {
        if !self.piece.is_empty() {
            self.flush()?;
        }
        self.piece = [self.len.to_le_bytes().as_slice(), &md5].concat();
        self.write(Place::Foot)?;
        self.file.sync_all()?;
        let Self { share, draft, path, .. } = self;
        let placed = share.keep(|| {
            let replaced = fs::metadata(&path).map_or(0, |old| old.len());
            fs::rename(&draft.0, &path).map(|()| replaced)
        });
        match placed {
            // The upload was ended meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SpoolError::NoUpload),
            placed => Ok(placed.and_then(|()| sync_folder_of(&path))?),
        }
    }

    fn flush(&mut self) -> Result<(), SpoolError> {
        self.write(Place::Piece(self.pieces))?;
        self.pieces += 1;
        Ok(())
    }

    fn write(&mut self, place: Place) -> Result<(), SpoolError> {
        self.cipher.seal(place, &mut self.piece);
        self.share.grow(self.piece.len() as u64)?;
        self.file.write_all(&self.piece)?;
        self.piece.clear();
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It is not there any more when it has its name; what cannot be removed now goes later.
        fs::remove_file(&self.0).ok();
    }
}

/// A part that is being read, piece by piece.
pub(crate) struct PartReader {
    cipher: Cipher,
    file: BufReader<File>,
    pieces: u64,
    left: u64,
}

impl PartReader {
    pub(super) fn open(account: &Account, path: &Path, len: u64) -> io::Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let cipher = Cipher::new(account, &read_salt(&mut file)?);
        Ok(Self { cipher, file, pieces: 0, left: len })
    }

    /// The next bytes; none at the end.
    pub(crate) fn next_piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.left == 0 {
            return Ok(None);
        }
        let len = usize::try_from(self.left.min(PIECE_LEN as u64)).expect("at most 256 KiB");
        let mut piece = vec![0; len + TAG_LEN];
        self.file.read_exact(&mut piece)?;
        if !self.cipher.open(Place::Piece(self.pieces), &mut piece) {
            return Err(damaged());
        }
        self.pieces += 1;
        self.left -= len as u64;
        Ok(Some(piece))
    }
}

/// Length and MD5 of a part.
pub(super) fn foot(account: &Account, path: &Path) -> io::Result<(u64, [u8; 16])> {
    let mut file = File::open(path)?;
    let cipher = Cipher::new(account, &read_salt(&mut file)?);
    let at = file.metadata()?.len().checked_sub(SEALED_FOOT_LEN as u64).ok_or_else(damaged)?;
    file.seek(SeekFrom::Start(at))?;
    let mut foot = vec![0; SEALED_FOOT_LEN];
    file.read_exact(&mut foot)?;
    if !cipher.open(Place::Foot, &mut foot) {
        return Err(damaged());
    }
    let (len, md5) = foot.split_first_chunk::<8>().ok_or_else(damaged)?;
    Ok((u64::from_le_bytes(*len), md5.try_into().map_err(|_| damaged())?))
}

/// Writes a small file that is there, whole, when this returns.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(DRAFT);
    let mut file = private().create(true).truncate(true).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_folder_of(path)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(path.parent().expect("it lies in a folder of ours"))?.sync_all()
}

fn read_salt(file: &mut impl io::Read) -> io::Result<Salt> {
    let mut salt = [0; SALT_LEN];
    file.read_exact(&mut salt)?;
    Ok(Salt::from_bytes(salt))
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a part is damaged on this machine's disk")
}
