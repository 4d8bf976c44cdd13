//! The one place with settings of iroh and QUIC. The figures behind them: `docs/decisions/0001-quic-settings.md`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use iroh::endpoint::{QuicTransportConfig, QuicTransportConfigBuilder, VarInt, presets};
use iroh::{Endpoint, EndpointAddr, RelayConfig, RelayMap, RelayMode};
use iroh_mdns_address_lookup::{MdnsAddressLookup, MdnsAddressLookupBuilder};
use protocol::{ALPN, Contact, RelayUrl, SecretKey};

use crate::congestion::PatientCubicConfig;

/// Bytes that a peer may send ahead on one stream. Above 2 MiB noq closes the whole connection when its
/// reader is slow ("too many gaps in stream buffer"); speed comes from several streams instead.
pub const STREAM_RECEIVE_WINDOW: u32 = 5 << 18;
/// Bytes that a node may send ahead on all streams of a client's connection. It bounds the client's memory.
const CLIENT_RECEIVE_WINDOW: u32 = 32 << 20;
/// Bytes that a client may send ahead on all streams of a connection. It bounds what a node, which does not
/// choose its clients, holds for each of them.
const NODE_RECEIVE_WINDOW: u32 = 8 << 20;
/// Bytes sent and not yet acknowledged, over all streams of a connection.
const SEND_WINDOW: u64 = 8 << 20;
/// Streams that a client may have open at one node, over one connection.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// Bytes that a new connection may send before it has heard anything about the path.
const INITIAL_WINDOW: u64 = 512 << 10;
/// Pause after which an idle connection says that it is alive, in milliseconds.
pub const KEEP_ALIVE_MS: u64 = 2000;
/// Silence after which a connection is lost, in milliseconds: how long a dead peer goes unnoticed.
pub const IDLE_TIMEOUT_MS: u64 = 8000;

/// Relays that an endpoint uses.
pub(crate) const RELAYS_MAX: usize = 8;
/// The name under which endpoints are found on a local network.
const SERVICE_NAME: &str = "headwater";

const _: () = assert!(STREAM_RECEIVE_WINDOW <= 2 << 20, "see STREAM_RECEIVE_WINDOW");
const _: () = assert!(KEEP_ALIVE_MS * 3 < IDLE_TIMEOUT_MS, "two lost packets are no dead peer");

/// Which side of the protocol an endpoint is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndpointRole {
    /// Accepts connections and streams.
    Node,
    /// Dials only; peers cannot open streams.
    Client,
}

/// What distinguishes one endpoint from another.
#[derive(Clone, Debug)]
pub struct EndpointOptions {
    /// Node or client.
    pub role: EndpointRole,
    /// The UDP socket; port 0 takes a free one.
    pub bind: SocketAddr,
    /// The identity; known to every peer by its public key.
    pub secret: SecretKey,
}

/// An endpoint without relays and without public discovery: nothing leaves it but to addresses that are dialled.
pub async fn bind(options: EndpointOptions) -> Result<Endpoint, BindEndpointError> {
    let quic = quic_settings(options.role).build();
    bind_with(options, quic).await
}

/// [`bind`] for an endpoint that can be reached under these relays too, of which the nearest is chosen, and reaches
/// others under them: at most 8, further ones are left out. A relay sees who speaks to whom and how much, never what.
pub async fn bind_relayed(
    options: EndpointOptions,
    relays: &[RelayUrl],
) -> Result<Endpoint, BindEndpointError> {
    let quic = quic_settings(options.role).build();
    let mode = if relays.is_empty() { RelayMode::Disabled } else { RelayMode::Custom(relay_map(relays)) };
    bind_endpoint(options, quic, mode).await
}

/// No address discovery over QUIC: it would need one more port of every relay, and a certificate.
fn relay_map(relays: &[RelayUrl]) -> RelayMap {
    let urls = relays.iter().take(RELAYS_MAX).filter_map(iroh_url);
    urls.map(|url| RelayConfig::new(url, None)).collect()
}

fn iroh_url(relay: &RelayUrl) -> Option<iroh::RelayUrl> {
    relay.as_str().parse().ok()
}

/// How endpoints are found on a local network.
pub(crate) fn local_discovery() -> MdnsAddressLookupBuilder {
    MdnsAddressLookup::builder().service_name(SERVICE_NAME)
}

/// [`bind`] with other QUIC settings than ours: for measurements, which change one of [`quic_settings`] at a time.
pub async fn bind_with(
    options: EndpointOptions,
    quic: QuicTransportConfig,
) -> Result<Endpoint, BindEndpointError> {
    bind_endpoint(options, quic, RelayMode::Disabled).await
}

async fn bind_endpoint(
    options: EndpointOptions,
    quic: QuicTransportConfig,
    relays: RelayMode,
) -> Result<Endpoint, BindEndpointError> {
    let EndpointOptions { role, bind, secret } = options;
    let failed = |reason: String| BindEndpointError { address: bind, reason };
    let alpns = match role {
        EndpointRole::Node => vec![ALPN.to_vec()],
        EndpointRole::Client => Vec::new(),
    };
    Endpoint::builder(presets::Minimal)
        .relay_mode(relays)
        .secret_key(secret)
        .alpns(alpns)
        .clear_ip_transports()
        .bind_addr(bind)
        .map_err(|error| failed(format!("{error:#}")))?
        .transport_config(quic)
        .bind()
        .await
        .map_err(|error| failed(format!("{error:#}")))
}

/// Where iroh dials a node.
pub(crate) fn address_of(node: &Contact) -> EndpointAddr {
    let address = node.addrs.iter().copied().fold(EndpointAddr::new(node.id), EndpointAddr::with_ip_addr);
    node.relay.as_ref().and_then(iroh_url).into_iter().fold(address, EndpointAddr::with_relay_url)
}

/// Why an endpoint cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot listen on UDP {address}: {reason}")]
pub struct BindEndpointError {
    address: SocketAddr,
    reason: String,
}

/// Our QUIC settings.
pub fn quic_settings(role: EndpointRole) -> QuicTransportConfigBuilder {
    let (streams, receive_window) = match role {
        EndpointRole::Node => (STREAMS_PER_CONNECTION_MAX, NODE_RECEIVE_WINDOW),
        EndpointRole::Client => (0, CLIENT_RECEIVE_WINDOW),
    };
    let idle = VarInt::try_from(IDLE_TIMEOUT_MS).expect("milliseconds of a few seconds");

    QuicTransportConfig::builder()
        .stream_receive_window(VarInt::from_u32(STREAM_RECEIVE_WINDOW))
        .receive_window(VarInt::from_u32(receive_window))
        .send_window(SEND_WINDOW)
        .max_concurrent_bidi_streams(VarInt::from_u32(streams))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        // Never Some(_): noq 1.4 panics when it repeats this frame in a tail-loss probe (docs/decisions/0001).
        .ack_frequency_config(None)
        .congestion_controller_factory(Arc::new(PatientCubicConfig::new(INITIAL_WINDOW)))
        .enable_segmentation_offload(true)
        .max_idle_timeout(Some(idle.into()))
        .default_path_max_idle_timeout(Duration::from_millis(IDLE_TIMEOUT_MS))
        .keep_alive_interval(Duration::from_millis(KEEP_ALIVE_MS))
        .default_path_keep_alive_interval(Duration::from_millis(KEEP_ALIVE_MS))
}
