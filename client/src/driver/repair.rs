use proofs::Cid;

use crate::client::Client;
use crate::error::RepairError;
use crate::options::RepairAuthority;
use crate::report::RepairReport;

pub(crate) async fn repair(_: &Client, _: &Cid, _: &RepairAuthority) -> Result<RepairReport, RepairError> {
    unimplemented!()
}
