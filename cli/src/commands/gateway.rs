//! `headwater gateway`: HTTP in front of the network, as a long-running role.

mod links;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use chunker::{AccountSecret, Coding};
use clap::Args;
use client::Client;
use gateway::{
    BearerToken, Creators, FilmUploads, Gateway as Service, GatewayConfig, PayConfig, PublishingConfig, Till,
    UploadConfig,
};
use protocol::{NetworkId, PublicKey};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::account;
use crate::arguments::Globals;
use crate::commands::steward::beside::{self, Beside};
use crate::commands::steward::settings::StewardSettings;
use crate::failure::{Outcome, Usage};
use crate::folders;
use crate::gateway_api;
use crate::lifetime;
use crate::membership::Network;
use crate::money::Money;
use crate::output::Output;
use crate::paying;
use crate::quantity::{ByteSize, Duration};
use crate::ready::{GatewayReady, Ready};
use crate::secrets::SecretArg;
use crate::settings;

/// Run an HTTP gateway in front of the network
///
/// Browsers and players read through it: POST a link to /open and read the object at the URL that comes back,
/// ranges and all. With --upload-token it also takes uploads, which are stored in the name of its own account.
/// Publications of the creators that you name are listed, served and played at /watch.
///
/// Every flag can also stand in the settings file, under the same name. A flag counts before the environment,
/// the environment before the file. It speaks plain HTTP: put a TLS proxy in front of it where others can listen.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater gateway --listen 127.0.0.1:8080
  headwater gateway --upload-token @/etc/headwater/token --public-url https://media.example
  headwater gateway --ledger https://ledger.example                  and shows titles for money
  headwater gateway --steward /var/lib/headwater/steward             and keeps whole what it has mandates for
  curl --data-binary @film.link http://127.0.0.1:8080/open           answers the URL to read at

A settings file:
  network = \"/etc/headwater/network.json\"
  listen = \"127.0.0.1:8080\"
  public-url = \"https://media.example\"
  cache = \"4GiB\"
  proxies = [\"127.0.0.1\"]")]
pub(crate) struct Gateway {
    #[command(flatten)]
    settings: GatewaySettings,

    /// The settings file [default: gateway.toml in your configuration folder]
    #[arg(long, value_name = "FILE", env = "HEADWATER_GATEWAY_CONFIG")]
    config: Option<PathBuf>,

    /// Stop when standard input ends, and read no settings file
    #[arg(long, hide = true)]
    managed: bool,
}

/// The settings of a gateway, by whatever way they came.
#[derive(Args, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct GatewaySettings {
    /// The network file; on the command line a flag of all commands.
    #[arg(skip)]
    network: Option<PathBuf>,

    /// The account file; on the command line a flag of all commands.
    #[arg(skip)]
    account: Option<PathBuf>,

    /// The TCP address to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "IP:PORT", env = "HEADWATER_GATEWAY_LISTEN")]
    listen: Option<SocketAddr>,

    /// Where clients reach it, the front of the URLs it gives out [default: http:// and the address]
    #[arg(long, value_name = "URL", env = "HEADWATER_GATEWAY_PUBLIC_URL")]
    public_url: Option<String>,

    /// Memory for opened cells, such as 1GiB; 0 for none [default: 256MiB]
    #[arg(long, value_name = "SIZE", env = "HEADWATER_GATEWAY_CACHE")]
    cache: Option<ByteSize>,

    /// Requests per second that one client may make in the long run [default: 2000]
    #[arg(long, value_name = "N", env = "HEADWATER_GATEWAY_RATE")]
    rate: Option<u32>,

    /// Requests that one client may have under way [default: 128]
    #[arg(long, value_name = "N", env = "HEADWATER_GATEWAY_CONCURRENT")]
    concurrent: Option<u32>,

    /// A reverse proxy whose X-Forwarded-For is believed; may be repeated
    #[arg(long = "proxy", value_name = "IP", value_delimiter = ',', env = "HEADWATER_GATEWAY_PROXIES")]
    proxies: Option<Vec<IpAddr>>,

    /// The token that lets uploads in, preferably as @FILE; without one there are none
    #[arg(long, value_name = "TOKEN", env = "HEADWATER_GATEWAY_UPLOAD_TOKEN", hide_env_values = true)]
    upload_token: Option<SecretArg>,

    /// Data and parity shards of uploads [default: what suits the number of nodes]
    #[arg(long, value_name = "K+M", env = "HEADWATER_GATEWAY_CODING")]
    coding: Option<String>,

    /// How long the nodes are to keep uploads [default: 365d]
    #[arg(long, value_name = "TIME", env = "HEADWATER_GATEWAY_KEEP")]
    keep: Option<Duration>,

    /// The longest upload [default: 100GiB]
    #[arg(long, value_name = "SIZE", env = "HEADWATER_GATEWAY_UPLOAD_MAX")]
    upload_max: Option<ByteSize>,

    /// The file of the catalogue of publications [default: none, they are forgotten at the end]
    #[arg(long, value_name = "FILE", env = "HEADWATER_GATEWAY_CATALOGUE")]
    catalogue: Option<PathBuf>,

    /// A creator key whose publications are taken; may be repeated
    #[arg(long = "creator", value_name = "KEY", value_delimiter = ',', env = "HEADWATER_GATEWAY_CREATORS")]
    creators: Option<Vec<PublicKey>>,

    /// Take publications of every creator
    #[arg(long, conflicts_with = "creators", env = "HEADWATER_GATEWAY_ANY_CREATOR")]
    any_creator: bool,

    /// Publications of one creator that are taken, withdrawn ones included [default: 1000]
    #[arg(long, value_name = "N", env = "HEADWATER_GATEWAY_PER_CREATOR")]
    per_creator: Option<u64>,

    /// The key of a denylist that is followed; may be repeated
    #[arg(long = "denylist", value_name = "KEY", value_delimiter = ',', env = "HEADWATER_GATEWAY_DENYLISTS")]
    denylists: Option<Vec<PublicKey>>,

    /// Where films that are uploaded lie until they are packaged, in a folder headwater-films that is emptied at
    /// the start [default: gateway in your folder for data]
    #[arg(long, value_name = "DIR", env = "HEADWATER_GATEWAY_WORK_FOLDER")]
    work_folder: Option<PathBuf>,

    /// What all films that lie there may take [default: 200GiB]
    #[arg(long, value_name = "SIZE", env = "HEADWATER_GATEWAY_WORK_MAX")]
    work_max: Option<ByteSize>,

    /// Where links to what is shared are kept: a file, or postgres://user@host:port/name for several gateways that count
    /// wrong passcodes together [default: gateway/links.redb in your folder for data]
    #[arg(long, value_name = "FILE|URL", env = "HEADWATER_GATEWAY_LINKS")]
    links: Option<String>,

    /// The folder of the page that plays publications, as player-demo builds it
    #[arg(long, value_name = "DIR", env = "HEADWATER_GATEWAY_PAGE")]
    page: Option<PathBuf>,

    /// A ledger, for titles that are shown for money: viewers pay by way of it, and it learns what they acknowledge.
    /// Without one such titles are refused
    #[arg(long, value_name = "URL", env = "HEADWATER_GATEWAY_LEDGER")]
    ledger: Option<String>,

    /// Where the key that earns and the receipts lie that the ledger has not taken [default: payments in your folder
    /// for data]
    #[arg(long, value_name = "DIR", requires = "ledger", env = "HEADWATER_GATEWAY_PAY_FOLDER")]
    pay_folder: Option<PathBuf>,

    /// What is sent to a viewer before receipts have to come [default: 16MiB]
    #[arg(long, value_name = "SIZE", requires = "ledger", env = "HEADWATER_GATEWAY_CREDIT")]
    credit: Option<ByteSize>,

    /// What is set aside for nodes in each epoch, in units of the ledger: they are paid from it for what is read, where the
    /// nodes' share of what viewers pay is too little. Without it nodes that sell are not paid
    #[arg(long, value_name = "AMOUNT", requires = "ledger", env = "HEADWATER_GATEWAY_COLLATERAL")]
    collateral: Option<Money>,

    /// The most that a node may ask for a GiB, in micro-units; dearer ones are read from last, and not paid
    /// [default: 100000]
    #[arg(long, value_name = "N", requires = "collateral", env = "HEADWATER_GATEWAY_NODE_PRICE_MAX")]
    node_price_max: Option<u64>,

    /// A steward's folder: look after what has a mandate there too, as `headwater steward --dir` does
    #[arg(long, value_name = "DIR", env = "HEADWATER_GATEWAY_STEWARD")]
    steward: Option<PathBuf>,

    /// That steward's settings file, as `headwater steward --config` takes it [default: the usual settings]
    #[arg(long, value_name = "FILE", requires = "steward", env = "HEADWATER_GATEWAY_STEWARD_CONFIG")]
    steward_config: Option<PathBuf>,

    /// The token that lets operators see what is looked after, preferably as @FILE; without one nobody does
    #[arg(long, value_name = "TOKEN", env = "HEADWATER_GATEWAY_OPERATOR_TOKEN", hide_env_values = true)]
    operator_token: Option<SecretArg>,
}

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const KEEP: Duration = Duration::from_days(365);
const UPLOAD_MAX: ByteSize = ByteSize::from_bytes(100 << 30);
/// How long the start waits for nodes that do not answer: the first viewer shall not wait for them.
const MEET_WITHIN: std::time::Duration = std::time::Duration::from_millis(250);
const WORK_MAX: ByteSize = ByteSize::from_bytes(200 << 30);

impl Gateway {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let file = if self.managed {
            GatewaySettings::default()
        } else {
            settings::load(self.config.as_deref(), "gateway.toml")?
        };
        let settings = self.settings.under(globals).or(file);
        settings.check()?;
        let network = Network::load(settings.network.as_deref()).await?;
        let uploader = settings.uploader(globals.output())?;
        let pool = network.pool(uploader.as_ref().map(|(_, account)| account::payer(account))).await?;
        let client = network.client(pool.clone());
        network.refresh(&client).await;
        let listen = settings.listen.unwrap_or(LISTEN);
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let addr = listener.local_addr()?;

        let mut config = GatewayConfig::new(settings.public_url.clone().unwrap_or_else(|| url_of(addr)));
        settings.limit(&mut config);
        config.films = uploader.is_some().then(|| settings.films()).transpose()?;
        config.uploads =
            uploader.map(|uploader| settings.uploads(uploader, &network, &client)).transpose()?;
        config.publishing = settings.publishing();
        config.links = links::open(settings.links.as_deref(), globals.output()).await?;
        config.page = settings.page.clone().map(page_folder).transpose()?;
        let url = config.public_url.clone();
        config.operators = settings.operators()?;
        config.till = settings.till(network.file.network).await?;
        let payments = paying::node_payments(settings.collateral, settings.node_price_max)?;
        settings.tell_shortfall(globals.output()).await?;
        let payer = payments.zip(config.till.as_ref());
        let client = match payer {
            Some((payments, till)) => client.paid_by(till.pay_nodes(payments)),
            None => client,
        };
        let met = client.meet_nodes(MEET_WITHIN).await;
        tracing::debug!(met, "the nodes that answer are connected");
        let steward = settings.steward(&network, globals.output()).await?;
        config.steward = steward.as_ref().map(Beside::observer);
        let service = Service::new(config, client)?;
        let metrics = steward.as_ref().and_then(Beside::metrics);
        globals.output().answer(&Ready { ready: GatewayReady { addr, url, metrics } })?;
        let managed = self.managed;
        gateway::serve(listener, service, async move { drop(lifetime::ended(managed).await) }).await;
        pool.close().await;
        Ok(Outcome::Complete)
    }
}

impl GatewaySettings {
    /// These settings with the flags that all commands have.
    fn under(self, globals: &Globals) -> Self {
        Self { network: globals.network.clone(), account: globals.account.clone(), ..self }
    }

    /// These settings, and where they say nothing those of `file`.
    fn or(self, file: Self) -> Self {
        Self {
            network: self.network.or(file.network),
            account: self.account.or(file.account),
            listen: self.listen.or(file.listen),
            public_url: self.public_url.or(file.public_url),
            cache: self.cache.or(file.cache),
            rate: self.rate.or(file.rate),
            concurrent: self.concurrent.or(file.concurrent),
            proxies: self.proxies.or(file.proxies),
            upload_token: self.upload_token.or(file.upload_token),
            coding: self.coding.or(file.coding),
            keep: self.keep.or(file.keep),
            upload_max: self.upload_max.or(file.upload_max),
            catalogue: self.catalogue.or(file.catalogue),
            creators: self.creators.or(file.creators),
            any_creator: self.any_creator || file.any_creator,
            per_creator: self.per_creator.or(file.per_creator),
            denylists: self.denylists.or(file.denylists),
            work_folder: self.work_folder.or(file.work_folder),
            work_max: self.work_max.or(file.work_max),
            links: self.links.or(file.links),
            page: self.page.or(file.page),
            ledger: self.ledger.or(file.ledger),
            pay_folder: self.pay_folder.or(file.pay_folder),
            credit: self.credit.or(file.credit),
            collateral: self.collateral.or(file.collateral),
            node_price_max: self.node_price_max.or(file.node_price_max),
            steward: self.steward.or(file.steward),
            steward_config: self.steward_config.or(file.steward_config),
            operator_token: self.operator_token.or(file.operator_token),
        }
    }

    /// Settings that are wrong whatever network is meant.
    fn check(&self) -> anyhow::Result<()> {
        let url = self.public_url.as_deref().map(gateway_api::address).transpose();
        url.map(drop).map_err(|error| Usage::because(format!("public-url: {error}")))
    }

    fn limit(&self, config: &mut GatewayConfig) {
        if let Some(cache) = self.cache {
            config.cache_len = cache.bytes();
        }
        if let Some(rate) = self.rate {
            config.client_limit.rate = rate;
            config.client_limit.burst = rate.saturating_mul(2);
        }
        if let Some(concurrent) = self.concurrent {
            config.client_limit.concurrent = concurrent;
        }
        config.proxies = self.proxies.clone().unwrap_or_default();
    }

    fn publishing(&self) -> PublishingConfig {
        let listed = || Creators::Listed(self.creators.clone().unwrap_or_default());
        PublishingConfig {
            catalogue: self.catalogue.clone(),
            creators: if self.any_creator { Creators::Anybody } else { listed() },
            keepers: self.denylists.clone().unwrap_or_default(),
            per_creator_max: self.per_creator.unwrap_or(PublishingConfig::PER_CREATOR_MAX),
        }
    }

    /// How films are taken, where uploads are.
    fn films(&self) -> anyhow::Result<FilmUploads> {
        Ok(FilmUploads {
            work_folder: match &self.work_folder {
                Some(folder) => folder.clone(),
                None => folders::data()?.join("gateway"),
            },
            work_len_max: self.work_max.unwrap_or(WORK_MAX).bytes(),
            index: account::publishing_index(self.account.as_deref())?,
        })
    }

    /// Where what is paid is counted, where anything is.
    async fn till(&self, network: NetworkId) -> anyhow::Result<Option<Till>> {
        let Some(ledger) = &self.ledger else { return Ok(None) };
        let folder = paying::folder(self.pay_folder.as_deref())?;
        let credit = self.credit.map_or(PayConfig::CREDIT_BYTES, ByteSize::bytes);
        paying::till(ledger, &folder, credit, network).await.map(Some)
    }

    /// Says when what is to be set aside for nodes is not there.
    async fn tell_shortfall(&self, output: Output) -> anyhow::Result<()> {
        if let (Some(ledger), Some(collateral)) = (&self.ledger, self.collateral) {
            let folder = paying::folder(self.pay_folder.as_deref())?;
            paying::tell_shortfall(ledger, &folder, collateral, output).await;
        }
        Ok(())
    }

    fn operators(&self) -> anyhow::Result<Option<BearerToken>> {
        let Some(token) = &self.operator_token else { return Ok(None) };
        let token = BearerToken::new(token.read()?.as_str());
        token.map(Some).map_err(|error| Usage::because(format!("operator-token: {error}")))
    }

    /// The steward that is to run beside, where one is.
    async fn steward(&self, network: &Network, output: Output) -> anyhow::Result<Option<Beside>> {
        let Some(dir) = &self.steward else { return Ok(None) };
        let file = match &self.steward_config {
            Some(path) => settings::load(Some(path), "steward.toml")?,
            None => StewardSettings::default(),
        };
        let steward = file.in_folder(dir.clone());
        beside::start(&steward, network, self.account.as_deref(), output).await.map(Some)
    }

    /// Who may upload, and the account that pays for it, where uploads are taken.
    fn uploader(&self, output: Output) -> anyhow::Result<Option<(BearerToken, AccountSecret)>> {
        let Some(token) = &self.upload_token else { return Ok(None) };
        let token =
            BearerToken::new(token.read()?.as_str()).map_err(|error| Usage::because(error.to_string()))?;
        Ok(Some((token, account::open(self.account.as_deref(), output)?)))
    }

    /// How uploads are taken.
    fn uploads(
        &self,
        (token, account): (BearerToken, AccountSecret),
        network: &Network,
        client: &Client,
    ) -> anyhow::Result<UploadConfig> {
        let coding: Coding = match &self.coding {
            Some(text) => text
                .parse()
                .map_err(|error| Usage::because(format!("the coding of uploads, {text:?}: {error}")))?,
            None => network.usual_coding(client)?,
        };
        Ok(UploadConfig {
            token,
            account,
            coding,
            keep_s: self.keep.unwrap_or(KEEP).seconds(),
            len_max: self.upload_max.unwrap_or(UPLOAD_MAX).bytes(),
        })
    }
}

/// The folder, when the page is in it: otherwise whoever opens an address would see nothing, and nobody would know why.
fn page_folder(folder: PathBuf) -> anyhow::Result<PathBuf> {
    if folder.join("index.html").is_file() {
        return Ok(folder);
    }
    Err(Usage::because(format!(
        "there is no index.html in {}; scripts/build-page.sh makes the page in player-demo/dist",
        folder.display()
    )))
}

/// Where a browser on this machine reaches a listener.
fn url_of(addr: SocketAddr) -> String {
    if addr.ip().is_unspecified() {
        format!("http://127.0.0.1:{}", addr.port())
    } else {
        format!("http://{addr}")
    }
}
