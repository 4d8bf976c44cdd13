//! Congestion control: Cubic (RFC 9438) that lost acknowledgements do not slow down.
//!
//! iroh 1.4 drops a datagram when its socket is not ready at once, which under load is often, since tokio makes
//! a busy task yield. Whoever receives much loses acknowledgements and window updates in this way, packets of
//! some forty bytes, and plain Cubic shrinks its window for each until two packets are left: the next upload, or
//! the next few requests, then wait for one round trip after the other (`docs/decisions/0001-quic-settings.md`).
//! A loss that is shorter than one full packet does not say that the path is full, so it is passed over.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use iroh::endpoint::{Controller, ControllerFactory, ControllerMetrics, RttEstimator};
use noq::congestion::{Cubic, CubicConfig};

/// Makes a controller for each path of a connection.
#[derive(Debug)]
pub(crate) struct PatientCubicConfig(Arc<CubicConfig>);

impl PatientCubicConfig {
    /// Controllers that begin with a window of so many bytes.
    pub(crate) fn new(initial_window: u64) -> Self {
        let mut cubic = CubicConfig::default();
        cubic.initial_window(initial_window);
        Self(Arc::new(cubic))
    }
}

impl ControllerFactory for PatientCubicConfig {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(PatientCubic { cubic: Cubic::new(self.0.clone(), now, current_mtu), mtu: current_mtu })
    }
}

#[derive(Clone, Debug)]
struct PatientCubic {
    cubic: Cubic,
    mtu: u16,
}

impl Controller for PatientCubic {
    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        packet: u64,
        app_limited: bool,
        rtt: &RttEstimator,
    ) {
        self.cubic.on_ack(now, sent, bytes, packet, app_limited, rtt);
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent: bool,
        is_ecn: bool,
        lost_bytes: u64,
        largest_lost_packet: u64,
    ) {
        if is_ecn || lost_bytes >= self.mtu.into() {
            self.cubic.on_congestion_event(now, sent, is_persistent, is_ecn, lost_bytes, largest_lost_packet);
        }
    }

    fn on_spurious_congestion_event(&mut self) {
        self.cubic.on_spurious_congestion_event();
    }

    fn on_mtu_update(&mut self, mtu: u16) {
        self.mtu = mtu;
        self.cubic.on_mtu_update(mtu);
    }

    fn window(&self) -> u64 {
        self.cubic.window()
    }

    fn metrics(&self) -> ControllerMetrics {
        self.cubic.metrics()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        self.cubic.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u64 = 100_000;

    fn after_loss(lost_bytes: u64, is_ecn: bool) -> u64 {
        let now = Instant::now();
        let mut controller = Arc::new(PatientCubicConfig::new(WINDOW)).build(now, 1200);
        controller.on_mtu_update(1452);
        controller.on_congestion_event(now, now, false, is_ecn, lost_bytes, 1);
        controller.window()
    }

    #[test]
    fn lost_acknowledgements_leave_the_window_as_it_is() {
        assert_eq!(after_loss(0, false), WINDOW);
        assert_eq!(after_loss(1451, false), WINDOW);
    }

    #[test]
    fn a_lost_full_packet_and_a_mark_of_the_path_shrink_it() {
        assert_eq!(after_loss(1452, false), WINDOW * 7 / 10);
        assert_eq!(after_loss(0, true), WINDOW * 7 / 10);
    }
}
