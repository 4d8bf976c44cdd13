//! The two directions of a stream: headers and raw bytes, with a limit on how long either may stand still.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use iroh::endpoint::{
    ConnectionError, ReadError, ReadExactError, RecvStream, SendStream, VarInt, WriteError,
};
use protocol::Code;
use protocol::frame::{
    DecodeHeaderError, EncodeHeaderError, Header, PREFIX_LEN, decode_body, encode_header, header_len,
};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// How long a stream may stand still while one side waits for the other, in milliseconds.
pub const STALL_TIMEOUT_MS: u64 = 10_000;

const USUAL_PATIENCE: Duration = Duration::from_millis(STALL_TIMEOUT_MS);

/// The code of a stream that was given up without a reason.
const ABANDONED: VarInt = VarInt::from_u32(0);

/// The sending direction. Dropped before [`Sending::finish`], it is reset: what was sent never looks complete.
#[derive(Debug)]
pub struct Sending {
    stream: SendStream,
    is_open: bool,
}

impl Sending {
    pub(crate) fn new(stream: SendStream) -> Self {
        Self { stream, is_open: true }
    }

    /// Sends a header.
    pub async fn header<H: Header>(&mut self, header: &H) -> Result<(), StreamError> {
        self.bytes(encode_header(header)?.into()).await
    }

    /// Sends raw bytes, without copying them.
    pub async fn bytes(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        self.chunks(&mut [bytes]).await
    }

    /// Sends several runs of raw bytes in order, without copying them; takes them out of the slice.
    pub async fn chunks(&mut self, mut chunks: &mut [Bytes]) -> Result<(), StreamError> {
        while !chunks.is_empty() {
            in_time(USUAL_PATIENCE, self.stream.write_many_chunks(&mut chunks)).await??;
        }
        Ok(())
    }

    /// Marks the end: the peer knows that it has everything once it has all of it.
    pub fn finish(&mut self) {
        if std::mem::take(&mut self.is_open) {
            // Fails only for a stream that the peer stopped; then nobody waits for the end.
            let _ = self.stream.finish();
        }
    }

    /// Marks the end and waits until the peer has acknowledged all of it, or no longer wants it.
    pub async fn deliver(mut self) -> Result<(), StreamError> {
        self.finish();
        let stopped = in_time(USUAL_PATIENCE, self.stream.stopped()).await?;
        match stopped {
            Ok(None) => Ok(()),
            Ok(Some(code)) => Err(StreamError::from_number(code)),
            Err(_) => Err(StreamError::Abandoned),
        }
    }

    /// Gives up, with a reason.
    pub fn reset(mut self, code: Code) {
        self.reset_with(VarInt::from_u32(code.number().into()));
    }

    fn reset_with(&mut self, code: VarInt) {
        if std::mem::take(&mut self.is_open) {
            // Fails only for a stream that is reset already.
            let _ = self.stream.reset(code);
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.reset_with(ABANDONED);
    }
}

/// The receiving direction. Dropped before its end, it tells the peer to stop.
#[derive(Debug)]
pub struct Receiving {
    stream: RecvStream,
    patience: Duration,
}

impl Receiving {
    pub(crate) fn new(stream: RecvStream) -> Self {
        Self { stream, patience: USUAL_PATIENCE }
    }

    /// From now on the peer may send nothing for so long, instead of [`STALL_TIMEOUT_MS`].
    pub fn wait_up_to(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// The header that comes next.
    pub async fn header<H: Header>(&mut self) -> Result<H, StreamError> {
        let mut prefix = [0; PREFIX_LEN];
        in_time(self.patience, self.stream.read_exact(&mut prefix)).await??;
        let mut body = vec![0; header_len(prefix)?];
        in_time(self.patience, self.stream.read_exact(&mut body)).await??;
        Ok(decode_body(&body)?)
    }

    /// The next raw bytes, at most `max` of them, without copying; `None` at the end.
    pub async fn chunk(&mut self, max: usize) -> Result<Option<Bytes>, StreamError> {
        Ok(in_time(self.patience, self.stream.read_chunk(max)).await??)
    }

    /// The next raw bytes, at most `max` of them, copied into one run: as many as are there, at least one;
    /// `None` at the end. Cheaper than [`Self::chunk`] where many bytes are needed side by side.
    pub async fn run(&mut self, max: usize) -> Result<Option<Bytes>, StreamError> {
        let mut run = BytesMut::with_capacity(max);
        let read = in_time(self.patience, (&mut self.stream).take(max as u64).read_buf(&mut run)).await?;
        match read {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(run.freeze())),
            Err(error) => Err(StreamError::from_io(&error)),
        }
    }

    /// Everything up to the end, at most `max` bytes.
    pub async fn rest(&mut self, max: usize) -> Result<Bytes, StreamError> {
        let mut rest = BytesMut::new();
        while let Some(chunk) = self.chunk(max + 1 - rest.len()).await? {
            rest.extend_from_slice(&chunk);
            if rest.len() > max {
                return Err(StreamError::TooLong { max });
            }
        }
        Ok(rest.freeze())
    }

    /// Waits for the end, at which nothing more may come.
    pub async fn end(&mut self) -> Result<(), StreamError> {
        self.rest(0).await.map(|_| ())
    }

    /// Tells the peer to stop, with a reason.
    pub fn stop(mut self, code: Code) {
        // Fails only for a stream at its end.
        let _ = self.stream.stop(VarInt::from_u32(code.number().into()));
    }
}

/// Why a stream does not go on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StreamError {
    /// The peer neither sent nor took anything for too long.
    #[error("nothing moved for {} ms", .0.as_millis())]
    Stalled(Duration),
    /// The peer gave up and said why.
    #[error("peer gave up: {0}")]
    Refused(Code),
    /// The peer gave up without a reason that is known here.
    #[error("peer gave up")]
    Abandoned,
    /// The peer ended its side in the middle of a header.
    #[error("stream ends within a header")]
    Truncated,
    /// More bytes came than were allowed.
    #[error("more than {max} bytes where the stream should have ended")]
    TooLong {
        /// The bytes allowed.
        max: usize,
    },
    /// What came is no header.
    #[error(transparent)]
    Malformed(#[from] DecodeHeaderError),
    /// What was to be sent is no header.
    #[error(transparent)]
    Unsendable(#[from] EncodeHeaderError),
    /// The connection under the stream is gone.
    #[error("connection lost: {0}")]
    ConnectionLost(ConnectionError),
}

impl StreamError {
    /// The code with which to answer a peer that caused this.
    pub fn code(&self) -> Code {
        match self {
            Self::Stalled(_) => Code::Timeout,
            Self::Truncated | Self::TooLong { .. } | Self::Malformed(_) => Code::BadRequest,
            Self::Refused(code) => *code,
            Self::Abandoned | Self::Unsendable(_) | Self::ConnectionLost(_) => Code::Internal,
        }
    }

    fn from_number(number: VarInt) -> Self {
        Code::try_from(number.into_inner()).map_or(Self::Abandoned, Self::Refused)
    }

    /// Streams read through tokio's traits hide the error in an `io::Error`.
    fn from_io(error: &std::io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ReadError>());
        inner.cloned().map_or(Self::Abandoned, Self::from)
    }
}

impl From<ReadError> for StreamError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Reset(number) => Self::from_number(number),
            ReadError::ConnectionLost(lost) => Self::from(lost),
            ReadError::ClosedStream | ReadError::ZeroRttRejected => Self::Abandoned,
        }
    }
}

impl From<ReadExactError> for StreamError {
    fn from(error: ReadExactError) -> Self {
        match error {
            ReadExactError::FinishedEarly(_) => Self::Truncated,
            ReadExactError::ReadError(error) => error.into(),
        }
    }
}

impl From<WriteError> for StreamError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Stopped(number) => Self::from_number(number),
            WriteError::ConnectionLost(lost) => Self::from(lost),
            WriteError::ClosedStream | WriteError::ZeroRttRejected => Self::Abandoned,
        }
    }
}

/// A peer that closes the connection with one of our codes has refused everything on it.
impl From<ConnectionError> for StreamError {
    fn from(error: ConnectionError) -> Self {
        if let ConnectionError::ApplicationClosed(close) = &error
            && let Ok(code) = Code::try_from(close.error_code.into_inner())
        {
            return Self::Refused(code);
        }
        Self::ConnectionLost(error)
    }
}

async fn in_time<T>(patience: Duration, operation: impl Future<Output = T>) -> Result<T, StreamError> {
    timeout(patience, operation).await.map_err(|_| StreamError::Stalled(patience))
}
