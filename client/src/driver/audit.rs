use proofs::Cid;

use crate::client::Client;
use crate::error::FetchError;
use crate::report::AuditReport;

pub(crate) async fn audit(_: &Client, _: &Cid, _: u32) -> Result<AuditReport, FetchError> {
    unimplemented!()
}
