//! A request's body that ends with an error once its client sends nothing for long: a body on its way in holds memory, and a
//! connection.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use s3s::StdError;
use tokio::time::{Sleep, sleep};

/// A client that sends no byte for this long while it is waited for is given up.
const READ_STALL: Duration = Duration::from_mins(1);

/// A client was given up.
#[derive(Debug, thiserror::Error)]
#[error("nothing came for {} s", READ_STALL.as_secs())]
pub(crate) struct Stalled;

/// A body that is watched, whoever reads it.
pub(crate) struct Watched<B> {
    body: B,
    /// While nothing comes.
    silence: Option<Pin<Box<Sleep>>>,
    watch: Watch,
}

/// Whether a body stalled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch(Arc<AtomicBool>);

impl Watch {
    /// Whether the client was given up: what was answered for want of its bytes need not say so.
    pub(crate) fn has_stalled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<B> Watched<B> {
    pub(crate) fn new(body: B) -> (Self, Watch) {
        let watch = Watch::default();
        (Self { body, silence: None, watch: watch.clone() }, watch)
    }
}

impl<B> Body for Watched<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<StdError>,
{
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        if let Poll::Ready(next) = Pin::new(&mut self.body).poll_frame(context) {
            self.silence = None;
            return Poll::Ready(next.map(|frame| frame.map_err(Into::into)));
        }
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep(READ_STALL)));
        silence.as_mut().poll(context).map(|()| {
            self.watch.0.store(true, Ordering::Relaxed);
            Some(Err(Stalled.into()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use futures_util::StreamExt as _;

    use super::*;

    /// A client that sends one byte after each of these silences, and then nothing any more.
    struct Slow {
        silences: VecDeque<Duration>,
        now: Option<Pin<Box<Sleep>>>,
    }

    impl Body for Slow {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            if self.now.is_none() {
                let Some(silence) = self.silences.pop_front() else { return Poll::Pending };
                self.now = Some(Box::pin(sleep(silence)));
            }
            let now = self.now.as_mut().expect("it was just begun");
            now.as_mut().poll(context).map(|()| {
                self.now = None;
                Some(Ok(Frame::data(Bytes::from_static(b"x"))))
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_is_waited_for_and_a_silent_one_is_not() {
        let silences = [59, 59, 59].map(Duration::from_secs).into();
        let (body, watch) = Watched::new(Slow { silences, now: None });
        let mut body = s3s::Body::http_body(body);
        for _ in 0..3 {
            assert_eq!(body.next().await.unwrap().unwrap(), "x");
        }
        assert!(!watch.has_stalled());
        let error = body.next().await.unwrap().unwrap_err();
        assert!(error.is::<Stalled>() && watch.has_stalled(), "{error}");
    }
}
