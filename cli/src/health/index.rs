//! Health links in the account's index, so that its other devices know and end them: a file for each, below `/health-links`.

use anyhow::{Context, bail};
use chunker::{Coding, Padding, RequiredTags};
use client::{Client, PutOptions};
use sharing::{IndexPath, LinkId};

use super::{Book, BookEntry};
use crate::arguments::Globals;
use crate::index_files::SmallFile;
use crate::membership::Network;
use crate::names::{Names, now};
use crate::quantity::Duration;
use crate::{account as account_file, failure, index_files};

const FOLDER: &str = "health-links";
const MEDIA_TYPE: &str = "application/vnd.headwater.health-link+json";
/// The longest file of a link, in bytes: some thousand names of files behind it.
const ENTRY_LEN_MAX: u64 = 1 << 20;
/// How long nodes keep what is known of a link.
const KEEP: Duration = Duration::from_days(365);

/// Tells the account's other devices what is known of a link; says so where that has to wait.
pub(super) async fn tell(client: &Client, names: &mut Names, coding: Coding, entry: &BookEntry) -> bool {
    match put(client, names, coding, entry).await {
        Ok(pushed) => pushed,
        Err(error) => {
            let why = failure::one_line(&error);
            names.note(format_args!("your other devices do not know of the health link yet: {why}"));
            false
        }
    }
}

async fn put(client: &Client, names: &mut Names, coding: Coding, entry: &BookEntry) -> anyhow::Result<bool> {
    let path = IndexPath::new(format!("{FOLDER}/{}", entry.id)).expect("an id is a name");
    let bytes = serde_json::to_vec(entry)?;
    let until = now().plus(KEEP.seconds());
    let options = PutOptions {
        coding,
        padding: Padding::Padme,
        name: None,
        media_type: Some(MEDIA_TYPE.to_owned()),
        expires: until,
        required: RequiredTags::default(),
        secrets: names.account.new_secrets(),
    };
    let report = client.put(bytes.as_slice(), options, |_| {}).await.context("cannot store it")?;
    let small = SmallFile { object: report.cid, len: report.size, media_type: MEDIA_TYPE, until };
    index_files::place(client, names, coding, path, small).await
}

/// Learns of links that other devices of the account have made or ended; says so where the network does not tell.
pub(crate) async fn learn(globals: &Globals) {
    if let Err(error) = fetch(globals).await {
        let why = failure::one_line(&error);
        globals.output().note(format_args!("health links of your other devices may be missing: {why}"));
    }
}

async fn fetch(globals: &Globals) -> anyhow::Result<()> {
    let network = Network::load(globals.network.as_deref()).await?;
    let mut names = Names::open(globals).await?;
    let book = Book::open(globals)?;
    let payer = account_file::payer(names.account.secret());
    let learn = async |client: &Client| {
        names.pull(client).await?;
        for path in index_files::in_folder(&names, FOLDER) {
            let Ok(id) = path.file_name().parse() else { continue };
            if book.find(id)?.is_none_or(|known| known.ended.is_none()) {
                book.learn(&read(client, &names, &path, id).await?)?;
            }
        }
        Ok(())
    };
    network.with_client(Some(payer), learn).await
}

async fn read(client: &Client, names: &Names, path: &IndexPath, id: LinkId) -> anyhow::Result<BookEntry> {
    let entry: BookEntry = index_files::read(client, names, path, ENTRY_LEN_MAX, "health link").await?;
    if entry.id != id {
        bail!("{path} is about another link");
    }
    Ok(entry)
}
