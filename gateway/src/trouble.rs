//! How failures of the network become answers: what is certain is 404, what may pass is 503.

use std::io::ErrorKind;
use std::time::Duration;

use chunker::OpenManifestError;
use client::{FetchError, OpenObjectError, PutError, ReadError};
use publishing::{FetchBundleError, FetchPreludeError};

use crate::body::BodyError;
use crate::cells::CellError;
use crate::problem::{Code, Problem};

/// An answer that has not begun by then becomes a 503: nobody waits longer than 5 s for a definite word.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_millis(4500);

/// The network said nothing in time.
pub(crate) fn no_answer() -> Problem {
    Problem::new(
        Code::Unavailable,
        format!("the network did not answer within {} ms", ANSWER_TIMEOUT.as_millis()),
    )
}

/// Why a link was not opened.
pub(crate) fn open_problem(error: &OpenObjectError) -> Problem {
    let code = match error {
        OpenObjectError::Fetch(FetchError::NotHeld { .. }) => Code::NotHeld,
        OpenObjectError::Fetch(FetchError::Unavailable { .. } | FetchError::NoNodes) => Code::Unavailable,
        OpenObjectError::Manifest(OpenManifestError::WrongKey) => Code::WrongKey,
        OpenObjectError::Fetch(FetchError::Invalid { .. }) | OpenObjectError::Manifest(_) => Code::Broken,
    };
    Problem::new(code, error.to_string())
}

/// Why a publication's bundle was not opened.
pub(crate) fn bundle_problem(error: &FetchBundleError) -> Problem {
    let code = match error {
        FetchBundleError::Open(error) => return open_problem(error),
        FetchBundleError::Read(error) => read_code(error),
        FetchBundleError::TooLong { .. } | FetchBundleError::Bundle(_) => Code::Broken,
    };
    Problem::new(code, error.to_string())
}

/// Why a live stream's prelude was not opened.
pub(crate) fn prelude_problem(error: &FetchPreludeError) -> Problem {
    let code = match error {
        FetchPreludeError::Open(error) => return open_problem(error),
        FetchPreludeError::Read(error) => read_code(error),
        FetchPreludeError::TooLong { .. } | FetchPreludeError::Prelude(_) => Code::Broken,
    };
    Problem::new(code, error.to_string())
}

/// What a failed read is called.
pub(crate) fn read_code(error: &ReadError) -> Code {
    match error {
        ReadError::NotHeld { .. } => Code::NotHeld,
        ReadError::Unavailable { .. } => Code::Unavailable,
        ReadError::Broken(_) => Code::Broken,
    }
}

/// Why not even the first bytes of an object came.
pub(crate) fn read_problem(error: &BodyError) -> Problem {
    let code = match error {
        BodyError::Cell(CellError::Read(error)) => read_code(error),
        BodyError::Stalled => Code::Unavailable,
        BodyError::Cell(CellError::Busy(_)) => Code::Busy,
    };
    Problem::new(code, error.to_string())
}

/// Why an upload was not stored.
pub(crate) fn put_problem(error: &PutError) -> Problem {
    let code = match error {
        PutError::Input(error) if error.kind() == ErrorKind::FileTooLarge => Code::TooLarge,
        PutError::Input(_) => Code::BodyIncomplete,
        PutError::TooLong(_) => Code::TooLarge,
        PutError::Header(_) => Code::BadRequest,
        PutError::TooFewNodes { .. } | PutError::TooFewComply { .. } | PutError::TooFewLeases { .. } => {
            Code::NotStored
        }
        PutError::NoPayer | PutError::Manifest(_) => Code::Internal,
    };
    Problem::new(code, error.to_string())
}
