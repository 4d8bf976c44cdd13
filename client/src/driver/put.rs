use tokio::io::AsyncRead;

use crate::client::Client;
use crate::error::PutError;
use crate::options::PutOptions;
use crate::report::{PutProgress, PutReport};

pub(crate) async fn put(
    _: &Client,
    _: impl AsyncRead + Send + Unpin,
    _: PutOptions,
    _: impl FnMut(PutProgress) + Send,
) -> Result<PutReport, PutError> {
    unimplemented!()
}
