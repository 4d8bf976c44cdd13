//! QR codes of links: in a terminal, and as a picture.

use std::path::Path;

use anyhow::Context;
use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};

use crate::folders;

/// Pixels of the smallest side of a picture.
const PICTURE_SIDE: u32 = 256;

/// The code as lines of half blocks, for a terminal that writes light on dark; most readers take the inverse too.
pub(super) fn for_terminal(link: &str) -> anyhow::Result<String> {
    Ok(code(link)?.render::<unicode::Dense1x2>().build())
}

/// Writes the code as SVG, for its owner's eyes: whoever sees it has the link.
pub(super) fn write_svg(link: &str, path: &Path) -> anyhow::Result<()> {
    let picture = code(link)?.render::<svg::Color<'_>>().min_dimensions(PICTURE_SIDE, PICTURE_SIDE).build();
    folders::write_privately(path, picture.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

fn code(link: &str) -> anyhow::Result<QrCode> {
    QrCode::with_error_correction_level(link, EcLevel::M).context("the link does not fit into a QR code")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_link_fits() {
        let longest = format!("shlink:/{}", "e".repeat(700));
        assert!(for_terminal(&longest).unwrap().lines().count() > 20);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("code.svg");
        write_svg(&longest, &path).unwrap();
        assert!(std::fs::read_to_string(path).unwrap().contains("<svg"));
    }
}
