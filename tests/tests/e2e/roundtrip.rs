//! Every length at which something changes.

use std::io::SeekFrom;

use e2e::harness::{TestNetwork, bytes, put_options};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::{get, read};

const CELL: usize = 16_384 - 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lengths_around_every_boundary_come_back() -> anyhow::Result<()> {
    let network = TestNetwork::start(5).await?;
    let client = network.client().await?;
    let small = 1024 - 16;
    let around = [small, 3 * small, 3 * (2048 - 16), CELL, 3 * CELL, 6 * CELL, 3 * 68 * CELL];
    let lengths =
        around.into_iter().flat_map(|len| [len - 1, len, len + 1]).chain([0, 1, 100_000, 1_000_003]);
    for (number, len) in lengths.enumerate() {
        let number = number as u64;
        let plain = bytes(number, len);
        let report = network.put(&client, "3+2", &plain, number).await?;
        assert!(report.is_complete(), "{len}: {:?}", report.missing);
        assert_eq!((report.size, report.leases.len()), (len as u64, report.shards + 5));
        assert!(get(&client, &report.link).await? == plain, "{len} bytes");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_segment_begins_after_256_mib() -> anyhow::Result<()> {
    let network = TestNetwork::start(2).await?;
    let client = network.client().await?;
    let plain = bytes(1, 16_384 * CELL + 1);
    let report = network.put(&client, "1+1", &plain, 1).await?;
    assert_eq!((report.shards, report.missing.len()), (4, 0));
    let object = client.open(&report.link).await?;
    let end = plain.len() as u64;
    assert!(read(&object, end - 100_000..end).await? == plain[plain.len() - 100_000..]);
    assert!(get(&client, &report.link).await? == plain);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_range_is_what_it_is_in_the_whole() -> anyhow::Result<()> {
    let network = TestNetwork::start(5).await?;
    let client = network.client().await?;
    let plain = bytes(2, 40 * CELL + 17);
    let report = network.put(&client, "3+2", &plain, 2).await?;
    let object = network.reader().await?.open(&report.link).await?;
    let len = plain.len();
    for (from, to) in
        [(0, 1), (CELL - 1, CELL + 1), (len - 1, len), (5, len - 5), (3 * CELL, 6 * CELL), (7, 7)]
    {
        assert!(read(&object, from as u64..to as u64).await? == plain[from..to], "{from}..{to}");
    }
    assert!(read(&object, len as u64..u64::MAX).await?.is_empty());
    assert!(read(&object, len as u64 - 3..u64::MAX).await? == plain[len - 3..]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_reads_like_a_file() -> anyhow::Result<()> {
    let network = TestNetwork::start(5).await?;
    let client = network.client().await?;
    let plain = bytes(3, 500_000);
    let mut options = put_options("3+2", 3)?;
    options.name = Some("noise.bin".to_owned());
    options.media_type = Some("application/octet-stream".to_owned());
    let report = client.put(&plain[..], options, |_| {}).await?;
    let object = client.open(&report.link).await?;
    assert_eq!((object.name(), object.media_type()), (Some("noise.bin"), Some("application/octet-stream")));
    let mut reader = object.reader();
    for from in [0, 123_456, 123_460, 10, 499_990] {
        reader.seek(SeekFrom::Start(from as u64)).await?;
        let mut some = vec![0; 10];
        reader.read_exact(&mut some).await?;
        assert_eq!(some, plain[from..from + 10]);
    }
    let mut rest = Vec::new();
    reader.seek(SeekFrom::End(-400_000)).await?;
    reader.read_to_end(&mut rest).await?;
    assert!(rest == plain[100_000..]);
    Ok(())
}
