//! What this program asks of the key service of somebody who sells (spec §25).

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};

use crate::failure::Usage;
use crate::gateway_api::{self, RECORD_TYPE};
use crate::ledger_api::{answer_of, client};

/// A key service.
#[derive(Debug)]
pub(crate) struct KeyServiceApi {
    url: Url,
    http: Client,
}

impl KeyServiceApi {
    /// The key service at this address.
    pub(crate) fn at(url: &str) -> anyhow::Result<Self> {
        let mut url = gateway_api::address(url).map_err(|_| {
            Usage::because(format!("{url:?} is no address of a key service, such as http://127.0.0.1:8702"))
        })?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self { url, http: client()? })
    }

    /// What it offers, in JSON.
    pub(crate) async fn offers(&self) -> anyhow::Result<Vec<u8>> {
        answer_of("key service", self.http.get(self.url.join("v1/offers")?)).await
    }

    /// What it delivers for a purchase.
    pub(crate) async fn key(&self, bought: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let request = self.http.post(self.url.join("v1/keys")?);
        answer_of("key service", request.header(CONTENT_TYPE, RECORD_TYPE).body(bought)).await
    }
}
