//! From high dynamic range (ITU-R BT.2100: PQ and HLG) to what every screen shows (BT.709).

use super::probe::Hdr;
use super::tools::Tools;

/// Filters of ffmpeg that this takes. Builds without zimg lack the first.
pub(super) const FILTERS: [&str; 2] = ["zscale", "tonemap"];

/// The filters that make SDR of HDR, with a comma behind them; nothing for SDR. `None` where ffmpeg lacks them.
pub(super) fn filters(tools: &Tools, hdr: Option<Hdr>) -> Option<String> {
    let Some(hdr) = hdr else { return Some(String::new()) };
    tools.maps_tones().then(|| chain(hdr))
}

/// Light that a screen of 100 cd/m² shows white stays as it is, and what is brighter is squeezed into the rest. It is done
/// on linear light in floating point, so the picture should be as small as it may be by then.
fn chain(hdr: Hdr) -> String {
    let transfer = match hdr {
        Hdr::Pq => "smpte2084",
        Hdr::Hlg => "arib-std-b67",
    };
    // BT.2100 has one set of primaries and one matrix in use; not every file says so.
    format!(
        "setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc,zscale=t=linear:npl=100,\
         format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=limited,format=yuv420p,"
    )
}
