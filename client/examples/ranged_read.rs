//! Prints some bytes of an object: only the cells that hold them are fetched, and each is verified.
//!
//! ```text
//! cargo run -p client --example ranged_read -- NETWORK-FILE LINK FROM LENGTH
//! ```

use std::path::Path;

use anyhow::bail;
use chunker::Link;
use client::{Client, ClientOptions, ReadError};
use futures_util::StreamExt as _;
use network::{EndpointOptions, EndpointRole, Members, NetworkFile, Pool, bind};
use protocol::SecretKey;
use tokio::io::AsyncWriteExt as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [network, link, from, length] = arguments.as_slice() else {
        bail!("usage: ranged_read NETWORK-FILE LINK FROM LENGTH")
    };
    let (link, from, length): (Link, u64, u64) = (link.parse()?, from.parse()?, length.parse()?);

    // Reading needs neither a payer nor an account: the link is the capability.
    let network = NetworkFile::load(Path::new(network))?;
    let options = EndpointOptions {
        role: EndpointRole::Client,
        bind: "0.0.0.0:0".parse()?,
        secret: SecretKey::generate(),
    };
    let pool = Pool::new(bind(options).await?, network.network, None);
    let client = Client::new(pool.clone(), Members::from(&network), ClientOptions::default());

    let object = client.open(&link).await?;
    eprintln!("{} of {} bytes, {:?}", length.min(object.len()), object.len(), object.media_type());
    let mut pieces = object.read(from..from.saturating_add(length));
    let mut out = tokio::io::stdout();
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(bytes) => out.write_all(&bytes).await?,
            Err(error @ ReadError::NotHeld { .. }) => bail!("gone for good: {error}"),
            Err(error) => bail!("try again later: {error}"),
        }
    }
    out.flush().await?;
    pool.close().await;
    Ok(())
}
