//! The account's index over real nodes: two devices, one secret, and whatever can be lost in between.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use account::{Account, Change, KeyStore, LocalIndex, PushError, Released, pull, release_now, sync};
use chunker::{AccountSecret, Coding, Link, Padding, RequiredTags};
use client::{Client, ClientOptions, FetchError, ObjectSecrets, PutOptions};
use e2e::harness::{TestNetwork, bytes};
use network::Members;
use protocol::{SecretKey, UnixSeconds};
use sharing::{EntryName, FileEntry, IndexPath};
use tempfile::TempDir;

use crate::get;

/// How long slow nodes have left here.
const PATIENCE: Duration = Duration::from_secs(4);

fn account() -> Account {
    Account::new(AccountSecret::from_bytes([9; 32]))
}

fn coding() -> Coding {
    "5+3".parse().expect("a coding")
}

fn now() -> UnixSeconds {
    UnixSeconds::from(SystemTime::now())
}

fn path(text: &str) -> IndexPath {
    IndexPath::new(text).expect("a path")
}

/// A client that pays as the account does.
async fn client(network: &TestNetwork) -> anyhow::Result<Client> {
    let payer = SecretKey::from_bytes(account().secret().payer_seed().expose());
    let pool = network.pool(Some(payer)).await?;
    Ok(Client::new(pool, Members::from(&network.file()), ClientOptions::default()))
}

/// Puts bytes; what the index says of them.
async fn put(client: &Client, plain: &[u8], secrets: ObjectSecrets) -> anyhow::Result<FileEntry> {
    put_coded(client, plain, secrets, coding()).await
}

async fn put_coded(
    client: &Client,
    plain: &[u8],
    secrets: ObjectSecrets,
    coding: Coding,
) -> anyhow::Result<FileEntry> {
    let until = now().plus(30 * 86_400);
    let options = PutOptions {
        coding,
        padding: Padding::None,
        name: None,
        media_type: None,
        expires: until,
        required: RequiredTags::default(),
        secrets,
    };
    let report = client.put(plain, options, |_| {}).await?;
    Ok(FileEntry {
        headers: sharing::HeaderFields::default(),
        object: report.cid,
        len: report.size,
        media_type: None,
        created: now(),
        modified: now(),
        until,
        erasable: None,
    })
}

/// All files of an index, read back through their names alone.
async fn contents(client: &Client, local: &LocalIndex) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for (path, file) in local.index().files() {
        let manifest = client.manifest(&file.object).await?;
        let link = Link::new(file.object, account().secret().content_key(&manifest.salt()));
        found.insert(path.as_str().to_owned(), get(client, &link).await?);
    }
    Ok(found)
}

/// Puts a file on a device, and pushes.
async fn add(client: &Client, folder: &Path, name: &str, plain: &[u8]) -> anyhow::Result<()> {
    let file = put(client, plain, account().new_secrets()).await?;
    let mut local = LocalIndex::open(folder)?;
    let free = local.index().free_path(&path(name))?;
    local.write(vec![Change::File(free, file)])?;
    Ok(sync(client, &account(), &mut local, coding()).await?.pushed?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_come_back_from_one_secret_with_three_nodes_dead() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(8).await?;
    let devices = [TempDir::new()?, TempDir::new()?];
    let mut expected = BTreeMap::new();
    for number in 0..20_u64 {
        let client = client(&network).await?;
        let name = format!("folder {}/{number}.bin", number % 3);
        let plain = bytes(number, 1000 + 3001 * usize::try_from(number)?);
        add(&client, devices[usize::try_from(number % 2)?].path(), &name, &plain).await?;
        expected.insert(name, plain);
    }
    drop(devices);
    for node in [1, 4, 6] {
        network.kill(node);
    }

    let (client, bare) = (client(&network).await?, TempDir::new()?);
    let mut local = LocalIndex::open(bare.path())?;
    let freshness = pull(&client, &account(), &mut local, PATIENCE).await?;
    assert!(freshness.is_complete(), "{freshness:?}");
    assert_eq!((freshness.answered, freshness.quorum.copies(), freshness.devices.len()), (5, 8, 2));
    assert!(contents(&client, &local).await? == expected);

    // The restored machine is a device like the others from now on, though its usual coding finds too few nodes.
    let later = put_coded(&client, b"later", account().new_secrets(), "3+1".parse()?).await?;
    local.write(vec![Change::File(path("after.bin"), later)])?;
    sync(&client, &account(), &mut local, coding()).await?.pushed?;
    drop(local);
    let other = TempDir::new()?;
    let mut local = LocalIndex::open(other.path())?;
    pull(&client, &account(), &mut local, PATIENCE).await?;
    assert_eq!(local.index().files().count(), 21);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_pointer_at_one_node_does_not_hide_a_newer_one() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(8).await?;
    let device = TempDir::new()?;
    add(&client(&network).await?, device.path(), "one", b"one").await?;
    network.kill(0);
    add(&client(&network).await?, device.path(), "two", b"two").await?;
    // The node that was away has the old pointer, and some of those that have the new one go.
    network.restart(0).await?;
    for gone in [1, 2, 3] {
        network.kill(gone);
    }
    let bare = TempDir::new()?;
    let mut local = LocalIndex::open(bare.path())?;
    let client = client(&network).await?;
    let freshness = pull(&client, &account(), &mut local, PATIENCE).await?;
    assert!(freshness.is_complete(), "{freshness:?}");
    let names: Vec<_> = local.index().files().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names, ["one", "two"]);

    network.kill(4);
    network.kill(6);
    let client = self::client(&network).await?;
    let too_few = pull(&client, &account(), &mut local, PATIENCE).await?;
    assert!(!too_few.is_complete(), "three of eight nodes cannot tell what is newest");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_reaches_the_network_after_any_interruption() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(8).await?;
    let device = TempDir::new()?;
    let client = client(&network).await?;
    let file = put(&client, b"a file", account().new_secrets()).await?;
    let mut local = LocalIndex::open(device.path())?;
    local.write(vec![Change::File(path("a"), file.clone())])?;
    // Killed between journal and network.
    drop(local);

    for node in 0..8 {
        network.kill(node);
    }
    let mut local = LocalIndex::open(device.path())?;
    assert_eq!(local.index().file(&path("a")), Some(&file));
    let offline = sync(&client, &account(), &mut local, coding()).await?;
    assert!(matches!(offline.pushed, Err(PushError::Unreachable { answered: 0, .. })), "{offline:?}");
    assert!(local.has_unpushed());
    drop(local);

    for node in 0..8 {
        network.restart(node).await?;
    }
    let client = self::client(&network).await?;
    let mut local = LocalIndex::open(device.path())?;
    sync(&client, &account(), &mut local, coding()).await?.pushed?;
    assert!(!local.has_unpushed());
    let bare = TempDir::new()?;
    let mut restored = LocalIndex::open(bare.path())?;
    pull(&client, &account(), &mut restored, PATIENCE).await?;
    assert_eq!(restored.index().file(&path("a")), Some(&file));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_removed_is_held_by_no_node() -> anyhow::Result<()> {
    let network = TestNetwork::start(8).await?;
    let device = TempDir::new()?;
    let client = client(&network).await?;
    add(&client, device.path(), "a", &bytes(1, 100_000)).await?;
    let mut local = LocalIndex::open(device.path())?;
    let object = local.index().file(&path("a")).expect("it was added").object;
    local.release_later(object, now())?;
    local.write(vec![Change::Gone(EntryName::File(path("a")), now())])?;
    let released = release_now(&client, &account(), &local, object).await?;
    let Released::Asked(report) = &released else { panic!("{released:?}") };
    // 8 shards and 8 copies of the manifest.
    assert_eq!((report.ended(), report.unconfirmed().count(), released.is_over()), (16, 0, true));
    let gone = client.manifest(&object).await;
    assert!(matches!(gone, Err(FetchError::NotHeld { .. })), "{gone:?}");
    sync(&client, &account(), &mut local, coding()).await?.pushed?;
    assert_eq!(local.index().files().count(), 0);

    // Of the index itself the nodes keep one version: a page and a root, each with its manifest.
    let shards = network.shards();
    drop(local);
    add(&client, device.path(), "b", b"b").await?;
    let with_one_more = network.shards();
    let mut local = LocalIndex::open(device.path())?;
    for number in 0..4 {
        local.write(vec![Change::Gone(EntryName::File(path(&format!("x{number}"))), now())])?;
        sync(&client, &account(), &mut local, coding()).await?.pushed?;
    }
    assert!(with_one_more > shards);
    assert_eq!(network.shards(), with_one_more, "old versions of the index are released");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasable_object_cannot_be_read_with_the_secret_alone() -> anyhow::Result<()> {
    let network = TestNetwork::start(8).await?;
    let (client, folder) = (client(&network).await?, TempDir::new()?);
    let keys = KeyStore::at(folder.path());
    let secrets = account().new_erasable_secrets();
    let (salt, key) = (secrets.salt, secrets.content_key.clone());
    keys.keep(&salt, &key)?;
    let file = put(&client, b"a record", secrets).await?;
    let kept = keys.get(&salt)?.expect("it was kept");
    assert_eq!(get(&client, &Link::new(file.object, kept)).await?, b"a record");
    keys.destroy(&salt)?;
    assert_eq!(keys.get(&salt)?, None);
    let derived = account().secret().content_key(&salt);
    assert!(get(&client, &Link::new(file.object, derived)).await.is_err());
    // Releasing it takes the secret alone.
    let manifest = client.manifest(&file.object).await?;
    let control = account().control_of(&manifest).expect("it is the account's");
    // One cell: a data shard, three of parity, and eight copies of the manifest.
    assert_eq!(client.release(&manifest, &control).await.ended(), 12);
    Ok(())
}

/// Two devices that take the same name, and the same first slot, without hearing of each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_that_meet_by_coincidence_lose_nothing() -> anyhow::Result<()> {
    let network = TestNetwork::start(8).await?;
    let devices = [TempDir::new()?, TempDir::new()?];
    let clients = [client(&network).await?, client(&network).await?];
    let mut files = Vec::new();
    for number in 0..2 {
        let file = put(&clients[number], &bytes(number as u64, 2000), account().new_secrets()).await?;
        let mut local = LocalIndex::open(devices[number].path())?;
        local.write(vec![Change::File(path("same.bin"), file.clone())])?;
        files.push(file.object);
    }
    let sync_one = async |number: usize| {
        let mut local = LocalIndex::open(devices[number].path())?;
        let synced = sync(&clients[number], &account(), &mut local, coding()).await?;
        synced.pushed?;
        anyhow::Ok(local)
    };
    let (one, two) = tokio::join!(sync_one(0), sync_one(1));
    drop((one?, two?));
    for number in [0, 1, 0, 1] {
        sync_one(number).await?;
    }
    let mut names = Vec::new();
    for number in 0..2 {
        let local = sync_one(number).await?;
        for object in &files {
            assert!(local.index().paths_of(*object).next().is_some(), "a file lost its name");
        }
        names.push(local.index().files().map(|(path, _)| path.clone()).collect::<Vec<_>>());
    }
    assert_eq!(names[0], names[1]);
    Ok(())
}
