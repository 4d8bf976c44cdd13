//! Folders of records as commands use them: found by name or link, and written to the index as one file each.

mod change;
mod reunite;
mod source;
mod walk;

use account::RecordFolder;
use anyhow::Context;
use chunker::Link;
use client::Client;
use sharing::{AccountIndex, FileEntry, IndexPath};

pub(crate) use self::change::{
    Folder, Unnamed, as_put, is_gone, packs_of_others, put_again, release, release_unnamed, secrets,
};
pub(crate) use self::reunite::reunite;
pub(crate) use self::source::from_disk;
pub(crate) use self::walk::{Measured, measure};
use crate::arguments::Globals;
use crate::failure::Usage;
use crate::membership::Network;
use crate::names::{Names, parse_path};
use crate::secrets::SecretArg;

/// Whether a file of the index is a folder of records.
pub(crate) fn is_folder(file: &FileEntry) -> bool {
    file.is_folder_of_records()
}

/// The folder of records in which a path lies, and the rest of it; none where the path names something by itself.
pub(crate) fn above(index: &AccountIndex, path: &IndexPath) -> Option<(IndexPath, IndexPath)> {
    let text = path.as_str();
    let mut folders = text.match_indices('/').filter_map(|(at, _)| {
        let folder = IndexPath::new(&text[..at]).ok()?;
        index.file(&folder).filter(|file| is_folder(file))?;
        Some((folder, IndexPath::new(&text[at + 1..]).ok()?))
    });
    folders.next()
}

/// The link that an argument means, by name or itself, and the path behind it that leads into a folder of records. `text` is
/// what was read from the argument, which is read only once.
pub(crate) async fn link_and_path(
    argument: &SecretArg,
    text: &str,
    globals: &Globals,
) -> anyhow::Result<(Link, Option<IndexPath>)> {
    if let Some(name) = argument.in_place().filter(|name| name.starts_with('/')) {
        return of_name(&parse_path(name)?, globals).await;
    }
    let (link, inside) = split(text);
    // The text itself is not repeated: it holds a key.
    let link = link.parse().map_err(|error| {
        Usage::because(format!("this is not a link: {error}; the name of a file of yours begins with /"))
    })?;
    Ok((link, inside.map(parse_path).transpose()?))
}

/// Reads a folder of records of the account.
pub(crate) async fn open(client: &Client, link: &Link) -> anyhow::Result<RecordFolder> {
    let object = client.open(link).await.context("cannot open the folder of records")?;
    Ok(RecordFolder::open(client, &object).await?)
}

async fn of_name(path: &IndexPath, globals: &Globals) -> anyhow::Result<(Link, Option<IndexPath>)> {
    let mut names = Names::open(globals).await?;
    let network = Network::load(globals.network.as_deref()).await?;
    let find = async |client: &Client| {
        names.pull(client).await?;
        match above(names.local.index(), path) {
            Some((folder, inside)) => Ok((names.link(client, &folder).await?, Some(inside))),
            None => Ok((names.link(client, path).await?, None)),
        }
    };
    network.with_client(None, find).await
}

/// A link, and what follows it after a slash. Neither a CID nor base64url has one.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((link, inside)) if !inside.is_empty() => (link, Some(inside)),
        Some((link, _)) => (link, None),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_ends_before_the_first_slash() {
        assert_eq!(split("headwater:b#key"), ("headwater:b#key", None));
        assert_eq!(split("headwater:b#key/"), ("headwater:b#key", None));
        assert_eq!(split("headwater:b#key/a/b"), ("headwater:b#key", Some("a/b")));
    }
}
