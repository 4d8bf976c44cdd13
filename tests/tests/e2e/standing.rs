//! What stands at a gateway and for how long: withdrawn, published again, more than it takes, and what it says of itself.

use e2e::harness::TestNetwork;
use gateway::{Creators, FilmUploads};
use protocol::{Signed, UnixSeconds};
use reqwest::StatusCode;
use serde_json::Value;
use sharing::{Bundle, BundleKind, BundleParts, Item, Millis, Publication, Title, Withdrawal};

use crate::publications::{creator, get, offer, publish, signed, start, titles};
use crate::site::{Site, TOKEN, problem};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_withdrawn_comes_back_with_a_later_record() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (site, client) = (start(&network).await?, network.client().await?);
    let published = publish(&network, &client, "film", 1).await?;
    let segment = format!("/watch/{}/audio/0.m4s", published.id);
    let first = Signed::<Publication>::decode(&published.record, &network.file().network)?;
    let at = |seconds| first.body().issued.plus(seconds);
    let withdrawn = |issued| signed(&network, &creator(), Withdrawal { bundle: published.id, issued });
    let again = |issued| signed(&network, &creator(), Publication { issued, ..first.body().clone() });

    offer(&site, published.record.clone()).await?.error_for_status()?;
    offer(&site, withdrawn(at(100))).await?.error_for_status()?;
    for record in [published.record.clone(), again(at(100))] {
        assert_eq!(problem(offer(&site, record).await?).await?, (410, "withdrawn".into()));
    }
    assert_eq!(get(&site, &segment).await?.status(), 410);
    assert_eq!(offer(&site, again(at(101))).await?.status(), 201);
    assert_eq!(get(&site, &segment).await?.status(), 200);
    assert_eq!(titles(&site, "").await?.0, ["film"]);
    assert_eq!(problem(offer(&site, withdrawn(at(100))).await?).await?, (409, "outdated".into()));
    let future = withdrawn(UnixSeconds::new(4_000_000_000));
    assert_eq!(problem(offer(&site, future).await?).await?, (400, "bad_record".into()));
    assert_eq!(get(&site, &segment).await?.status(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_creator_publishes_no_more_than_the_operator_allows() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let client = network.client().await?;
    let site = Site::start_with(&network, |config| {
        config.publishing.creators = Creators::Anybody;
        config.publishing.per_creator_max = 1;
    })
    .await?;
    let [first, second] =
        [publish(&network, &client, "first", 1).await?, publish(&network, &client, "second", 2).await?];
    offer(&site, first.record.clone()).await?.error_for_status()?;
    assert_eq!(problem(offer(&site, second.record).await?).await?, (403, "creator_full".into()));
    assert_eq!(offer(&site, first.record).await?.status(), 200, "what is there stays");
    assert_eq!(titles(&site, "").await?.0, ["first"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_tells_which_of_its_items_are_withdrawn() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (site, client) = (start(&network).await?, network.client().await?);
    let mut items = Vec::new();
    for (title, number) in [("one", 1), ("two", 2)] {
        let published = publish(&network, &client, title, number).await?;
        offer(&site, published.record).await?.error_for_status()?;
        items.push(Item { bundle: published.id, title: Title::new(title)? });
    }
    let withdrawal = Withdrawal { bundle: items[1].bundle, issued: UnixSeconds::new(1_700_000_100) };
    let bundle = Bundle::new(BundleParts {
        kind: BundleKind::Collection,
        title: Title::new("both")?,
        creator: creator().public(),
        created: UnixSeconds::new(1_700_000_010),
        duration: Millis::new(0),
        tracks: Vec::new(),
        chapters: Vec::new(),
        attachments: Vec::new(),
        items,
        about: None,
        by: None,
        language: None,
        ledger: None,
        live: None,
        poster: None,
        strip: None,
    })?;
    let stored = network.put(&client, "2+2", &bundle.encode(), 9).await?;
    let body = Publication {
        bundle: bundle.id(),
        issued: UnixSeconds::new(1_700_000_010),
        key: stored.link.key().clone(),
        listed: true,
        object: stored.cid,
    };
    offer(&site, signed(&network, &creator(), body)).await?.error_for_status()?;
    let told = async || -> anyhow::Result<Vec<(Value, Value)>> {
        let details: Value = get(&site, &format!("/api/publications/{}", bundle.id()))
            .await?
            .error_for_status()?
            .json()
            .await?;
        let items = details["items"].as_array().cloned().unwrap_or_default();
        Ok(items.into_iter().map(|item| (item["title"].clone(), item["withdrawn"].clone())).collect())
    };
    assert_eq!(told().await?, [("one".into(), false.into()), ("two".into(), false.into())]);
    offer(&site, signed(&network, &creator(), withdrawal)).await?.error_for_status()?;
    assert_eq!(told().await?, [("one".into(), false.into()), ("two".into(), true.into())]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_reaches_no_node_says_so() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(2).await?;
    let site = Site::start(&network).await?;
    let health: Value = get(&site, "/health").await?.error_for_status()?.json().await?;
    assert_eq!((&health["status"], &health["nodes"]["reachable"]), (&"ok".into(), &2.into()), "{health}");
    assert_eq!(get(&site, "/health/ready").await?.status(), StatusCode::OK);
    for node in 0..2 {
        network.kill(node);
    }
    // Another gateway: this one takes what it heard for true for some seconds.
    let site = Site::start(&network).await?;
    let health: Value = get(&site, "/health").await?.error_for_status()?.json().await?;
    assert_eq!((&health["status"], &health["nodes"]["known"]), (&"degraded".into(), &2.into()), "{health}");
    assert_eq!(problem(get(&site, "/health/ready").await?).await?, (503, "unavailable".into()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn films_that_are_uploaded_take_a_bounded_place_of_their_own() -> anyhow::Result<()> {
    let network = TestNetwork::start(2).await?;
    let folder = tempfile::tempdir()?;
    let films = folder.path().join("headwater-films");
    std::fs::create_dir(&films)?;
    std::fs::write(films.join("left"), "by a gateway that was killed")?;
    let site = Site::start_with(&network, |config| {
        config.films = Some(FilmUploads {
            work_folder: folder.path().to_owned(),
            work_len_max: 1000,
            index: folder.path().join("index"),
        });
    })
    .await?;
    assert_eq!(std::fs::read_dir(&films)?.count(), 0);
    assert_eq!(get(&site, "/api/publish").await?.status(), StatusCode::NO_CONTENT);
    let upload = |len| {
        let url = site.url("/api/publish?title=film");
        site.http.post(url).bearer_auth(TOKEN).body(vec![0_u8; len]).send()
    };
    assert_eq!(problem(upload(1001).await?).await?, (503, "busy".into()));
    // It is no film, which is told at the end of the answer; what it took is free again.
    for _ in 0..3 {
        let told = upload(900).await?.error_for_status()?.text().await?;
        assert!(told.lines().last().is_some_and(|line| line.contains("error")), "{told}");
    }
    assert_eq!(std::fs::read_dir(&films)?.count(), 0);
    Ok(())
}
