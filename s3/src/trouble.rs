//! Which S3 error says what went wrong below.

use client::{FetchError, OpenObjectError, PutError, ReadError};
use s3s::{S3Error, S3ErrorCode};
use sharing::NameError;

use crate::intake::IntakeError;
use crate::orders::Refusal;
use crate::writer::WriteError;

/// A key that is no path of the index.
pub(crate) fn of_name(error: NameError) -> S3Error {
    let code = match error {
        NameError::Length { len } if len > 0 => S3ErrorCode::KeyTooLongError,
        _ => S3ErrorCode::InvalidArgument,
    };
    S3Error::with_message(code, format!("the key cannot be a name in the index: {error}"))
}

/// A put that did not succeed; nothing of it stays behind.
pub(crate) fn of_put(error: PutError) -> S3Error {
    let message = error.to_string();
    match error {
        PutError::Input(source) => of_input(&source),
        PutError::TooFewNodes { .. }
        | PutError::TooFewComply { .. }
        | PutError::TooFewLeases { .. }
        | PutError::NoPayer => S3Error::with_message(S3ErrorCode::ServiceUnavailable, message),
        PutError::TooLong(_) => S3Error::with_message(S3ErrorCode::EntityTooLarge, message),
        PutError::Header(_) => S3Error::with_message(S3ErrorCode::InvalidArgument, message),
        PutError::Manifest(_) => S3Error::with_message(S3ErrorCode::InternalError, message),
    }
}

/// A body that is not what the request said of it, or that ended early.
pub(crate) fn of_input(error: &std::io::Error) -> S3Error {
    let intake = error.get_ref().and_then(|inner| inner.downcast_ref::<IntakeError>());
    let code = match intake {
        Some(IntakeError::Md5 | IntakeError::Checksum { .. }) => S3ErrorCode::BadDigest,
        Some(IntakeError::TooLong { .. }) => S3ErrorCode::EntityTooLarge,
        Some(IntakeError::Length { .. } | IntakeError::Body(_)) => S3ErrorCode::IncompleteBody,
        None => S3ErrorCode::InternalError,
    };
    S3Error::with_message(code, error.to_string())
}

/// An object that does not open.
pub(crate) fn of_open(error: &OpenObjectError) -> S3Error {
    let code = match error {
        OpenObjectError::Fetch(FetchError::Unavailable { .. } | FetchError::NoNodes) => {
            S3ErrorCode::ServiceUnavailable
        }
        _ => S3ErrorCode::InternalError,
    };
    S3Error::with_message(code, error.to_string())
}

/// An object of which not all bytes come.
pub(crate) fn of_read(error: &ReadError) -> S3Error {
    let code = match error {
        ReadError::Unavailable { .. } => S3ErrorCode::ServiceUnavailable,
        ReadError::NotHeld { .. } | ReadError::Broken(_) => S3ErrorCode::InternalError,
    };
    S3Error::with_message(code, error.to_string())
}

/// A change that is not in the index, or not known to be safe there.
pub(crate) fn of_write(error: &WriteError) -> S3Error {
    let code = match error {
        WriteError::Refused(Refusal::NoBucket) => S3ErrorCode::NoSuchBucket,
        WriteError::Refused(Refusal::NotEmpty) => S3ErrorCode::BucketNotEmpty,
        WriteError::Refused(Refusal::Held | Refusal::Records) => S3ErrorCode::AccessDenied,
        WriteError::Refused(Refusal::Unmet) => S3ErrorCode::PreconditionFailed,
        WriteError::Refused(Refusal::OriginGone) => S3ErrorCode::NoSuchKey,
        WriteError::NotPushed(_) | WriteError::Stopped => S3ErrorCode::ServiceUnavailable,
        WriteError::Local(_) => S3ErrorCode::InternalError,
    };
    S3Error::with_message(code, error.to_string())
}

/// Something on this machine's own disk.
pub(crate) fn of_disk(error: &std::io::Error) -> S3Error {
    tracing::error!(%error, "the spool cannot be read or written");
    S3Error::with_message(S3ErrorCode::InternalError, format!("on the disk of this machine: {error}"))
}

/// Says in the log that a request was refused: loudly, where it is not the client's fault. Without anything of the request itself.
pub(crate) fn log(operation: &'static str, error: &S3Error) {
    let (code, message) = (error.code().as_str(), error.message().unwrap_or_default());
    if error
        .status_code()
        .is_none_or(|status| status.is_server_error() && *error.code() != S3ErrorCode::NotImplemented)
    {
        tracing::warn!(operation, code, message, "a request failed");
    } else {
        tracing::debug!(operation, code, "a request was refused");
    }
}
