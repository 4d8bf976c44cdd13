//! Being paid for what is read.

use protocol::{Code, Paid, Payment, Refusal, Response};

use super::{Caller, Service};
use crate::pay::{Reader, Toll};

impl Service {
    pub(super) async fn pay(&self, caller: Caller, payment: &Payment) -> Result<Response, Refusal> {
        let free = || Refusal::new(Code::BadRequest, "what is read here is free");
        let sale = self.sale.as_ref().ok_or_else(free)?;
        let paid = Paid {
            network: self.network,
            node: self.secret.public(),
            ledger: sale.ledger(),
            endpoint: caller.endpoint,
            now: self.clock.now(),
        };
        let payment = payment.verify(&paid).map_err(|error| Refusal::new(error.code(), error.to_string()))?;
        Ok(Response::Paid(sale.take(caller.reader(), payment).await?))
    }

    /// Begins to count a read of up to `len` bytes, where reads are sold.
    pub(super) async fn toll(&self, caller: Caller, len: u64) -> Result<Option<Toll<'_>>, Refusal> {
        let Some(sale) = &self.sale else { return Ok(None) };
        sale.toll(caller.reader(), len, self.clock.now()).await.map(Some)
    }
}

impl Caller {
    const fn reader(&self) -> Reader {
        Reader { endpoint: self.endpoint, address: self.address }
    }
}
