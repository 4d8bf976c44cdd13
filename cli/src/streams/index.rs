//! Streams in the account's index, so that its other devices know, fetch and end them: a file for each, below `/streams`.

use account::put_small;
use anyhow::{Context as _, bail};
use chunker::Coding;
use client::Client;
use sharing::IndexPath;

use super::{KeptStream, KeptStreams};
use crate::arguments::Globals;
use crate::index_files::SmallFile;
use crate::membership::Network;
use crate::names::{Names, now};
use crate::{account as account_file, failure, index_files};

const FOLDER: &str = "streams";
const MEDIA_TYPE: &str = "application/vnd.headwater.stream+json";
/// The longest file of a stream, in bytes: its name is the longest part.
const ENTRY_LEN_MAX: u64 = 16_384;

/// Tells the account's other devices what is known of a stream; says so where that has to wait.
pub(crate) async fn tell(client: &Client, names: &mut Names, coding: Coding, stream: &KeptStream) {
    if let Err(error) = put(client, names, coding, stream).await {
        let why = failure::one_line(&error);
        names.note(format_args!("your other devices do not know of the stream yet: {why}"));
    }
}

/// The same where nothing else is asked of the network.
pub(crate) async fn announce(globals: &Globals, network: &Network, stream: &KeptStream) {
    let announce = async {
        let mut names = Names::open(globals).await?;
        let payer = account_file::payer(names.account.secret());
        let put = async |client: &Client| {
            names.pull(client).await?;
            let coding = network.usual_coding(client)?;
            tell(client, &mut names, coding, stream).await;
            Ok(())
        };
        network.with_client(Some(payer), put).await
    };
    if let Err(error) = announce.await {
        let why = failure::one_line(&error);
        globals.output().note(format_args!("your other devices do not know of the stream yet: {why}"));
    }
}

/// Learns of streams that other devices of the account have made, read or ended; says so where the network does not tell.
pub(crate) async fn learn(globals: &Globals) {
    if let Err(error) = fetch(globals).await {
        let why = failure::one_line(&error);
        globals.output().note(format_args!("streams of your other devices may be missing: {why}"));
    }
}

async fn put(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    stream: &KeptStream,
) -> anyhow::Result<bool> {
    let path = IndexPath::new(format!("{FOLDER}/{}", stream.id)).expect("an id is a name");
    let bytes = serde_json::to_vec(stream)?;
    let until = now().plus(account::INDEX_KEPT_S);
    let object = put_small(client, &names.account, &bytes, coding, until).await.context("cannot store it")?;
    let small = SmallFile { object, len: bytes.len() as u64, media_type: MEDIA_TYPE, until };
    index_files::place(client, names, coding, path, small).await
}

async fn fetch(globals: &Globals) -> anyhow::Result<()> {
    let network = Network::load(globals.network.as_deref()).await?;
    let mut names = Names::open(globals).await?;
    let known = KeptStreams::open(globals)?;
    let payer = account_file::payer(names.account.secret());
    let learn = async |client: &Client| {
        names.pull(client).await?;
        for path in index_files::in_folder(&names, FOLDER) {
            known.learn(&read(client, &names, &path).await?)?;
        }
        Ok(())
    };
    network.with_client(Some(payer), learn).await
}

async fn read(client: &Client, names: &Names, path: &IndexPath) -> anyhow::Result<KeptStream> {
    let stream: KeptStream = index_files::read(client, names, path, ENTRY_LEN_MAX, "stream").await?;
    if stream.id != path.file_name() {
        bail!("{path} is about another stream");
    }
    stream.id()?;
    Ok(stream)
}
