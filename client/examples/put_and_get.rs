//! Puts a file on a network and reads it back.
//!
//! ```text
//! headwater devnet --dir /tmp/devnet --nodes 6 --coding 4+2 &
//! cargo run -p client --example put_and_get -- /tmp/devnet/network.json FILE
//! ```

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, bail};
use chunker::{AccountSecret, Padding, RequiredTags, Salt};
use client::{Client, ClientOptions, ObjectSecrets, PutOptions};
use network::{EndpointOptions, EndpointRole, Members, NetworkFile, Pool, bind};
use protocol::{SecretKey, UnixSeconds};
use tokio::fs::File;

const DAY_S: u64 = 86_400;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [network, file] = arguments.as_slice() else { bail!("usage: put_and_get NETWORK-FILE FILE") };

    // Everything that an owner needs follows from one secret. A real program keeps it.
    let account = AccountSecret::from_bytes(rand::random());
    let payer = SecretKey::from_bytes(account.payer_seed().expose());

    // One endpoint, one pool and one client serve the whole program.
    let network = NetworkFile::load(Path::new(network))?;
    let options = EndpointOptions {
        role: EndpointRole::Client,
        bind: "0.0.0.0:0".parse()?,
        secret: SecretKey::generate(),
    };
    let pool = Pool::new(bind(options).await?, network.network, Some(payer));
    let client = Client::new(pool.clone(), Members::from(&network), ClientOptions::default());

    // A fresh salt gives every object keys of its own.
    let salt = Salt::from_bytes(rand::random());
    let options = PutOptions {
        coding: "4+2".parse()?,
        padding: Padding::None,
        name: Path::new(file).file_name().map(|name| name.to_string_lossy().into_owned()),
        media_type: None,
        expires: UnixSeconds::from(SystemTime::now()).plus(30 * DAY_S),
        required: RequiredTags::default(),
        secrets: ObjectSecrets::new(&account, salt),
    };
    let report = client.put(File::open(file).await?, options, |_| {}).await?;
    for missing in &report.missing {
        eprintln!("not stored: {} ({})", missing.part, missing.reason);
    }
    println!("{}", report.link);

    let object = client.open(&report.link).await?;
    let mut copy = tokio::io::sink();
    let read = tokio::io::copy(&mut object.reader(), &mut copy).await.context("reading it back")?;
    println!("read {read} bytes of {:?}", object.name().unwrap_or("an object without a name"));
    pool.close().await;
    Ok(())
}
