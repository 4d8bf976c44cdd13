//! Diagnostics on standard error, by `HEADWATER_LOG` (`warn`, `headwater=debug,iroh=info`, …).

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

const VARIABLE: &str = "HEADWATER_LOG";

/// Lets what the crates trace appear: warnings, and for a long-running role what it does as well.
pub(crate) fn start(long_running: bool) {
    // The transport reports every path that it tries; a dead node is our business, and we tell it better.
    let default =
        if long_running { "info,iroh=error,noq=error,noq_udp=error" } else { "error,iroh=off,noq=off" };
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    // It prints whole requests, with names and signatures; the server says itself what failed.
    let filter = filter.add_directive("s3s=off".parse().expect("it is a directive"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
