//! The nodes as lines for people: columns as wide as what is in them.

use std::fmt;

use protocol::{Price, UnixSeconds};

use super::line::NodeLine;
use crate::quantity::ByteSize;

/// Digits of an id that tell it from others.
const ID_DIGITS: usize = 10;

/// A column: what stands above it, and what it shows of a node.
struct Column {
    head: &'static str,
    show: fn(&NodeLine, UnixSeconds) -> String,
}

const COLUMNS: &[Column] = &[
    Column { head: "NODE", show: |node, _| node.id[..ID_DIGITS].to_owned() },
    Column { head: "STATE", show: state },
    Column { head: "ADDRESS", show: |node, _| node.addrs.first().cloned().unwrap_or_default() },
    Column { head: "USED", show: |node, _| size(node.stored) },
    Column { head: "OF", show: |node, _| size(node.capacity) },
    Column { head: "CLASS", show: |node, _| node.class.to_string() },
    Column { head: "DOMAIN", show: |node, _| node.domain.clone().unwrap_or_else(none) },
    Column { head: "VERSION", show: version },
    Column { head: "SEEN", show: seen },
];
/// Only where a steward was named.
const OF_CARE: &[Column] =
    &[Column { head: "PROVED", show: proved }, Column { head: "POINTS", show: |node, _| points(node) }];

/// Writes the table, each node with what else there is to say about it on a line of its own.
pub(super) fn write(f: &mut fmt::Formatter<'_>, nodes: &[NodeLine], now: UnixSeconds) -> fmt::Result {
    let has_care = nodes.iter().any(|node| node.care.is_some());
    let columns = COLUMNS.iter().chain(OF_CARE.iter().filter(|_| has_care));
    let columns: Vec<Vec<String>> = columns
        .map(|Column { head, show }| {
            std::iter::once((*head).to_owned()).chain(nodes.iter().map(|node| show(node, now))).collect()
        })
        .collect();
    let widths = columns.iter().map(|cells| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0));
    let widths: Vec<_> = widths.collect();
    for row in 0..=nodes.len() {
        let cells = columns.iter().zip(&widths).map(|(cells, width)| format!("{:width$}", cells[row]));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        if let Some(node) = row.checked_sub(1).and_then(|at| nodes.get(at)) {
            write_rest(f, node)?;
        }
    }
    Ok(())
}

/// What not every node has.
fn write_rest(f: &mut fmt::Formatter<'_>, node: &NodeLine) -> fmt::Result {
    let mut said = node.tags.clone();
    said.extend((node.price > 0).then(|| Price::new(node.price).to_string()));
    said.extend(node.relay.as_ref().map(|relay| format!("relay {relay}")));
    said.extend(node.leaving.then(|| "leaving".to_owned()));
    said.extend(
        node.verdicts.filter(|count| *count > 0).map(|count| {
            format!("{count} audits not passed: headwater node status {}", &node.id[..ID_DIGITS])
        }),
    );
    said.extend(node.concerns.iter().map(|concern| format!("! {concern}")));
    said.extend(node.error.clone());
    if said.is_empty() { Ok(()) } else { writeln!(f, "{:ID_DIGITS$}  {}", "", said.join(", ")) }
}

fn none() -> String {
    "-".to_owned()
}

fn state(node: &NodeLine, _: UnixSeconds) -> String {
    node.answered_ms.map_or_else(|| node.state.to_owned(), |ms| format!("{} {ms} ms", node.state))
}

fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(none, |bytes| ByteSize::from_bytes(bytes).to_string())
}

fn version(node: &NodeLine, _: UnixSeconds) -> String {
    let version = node
        .version
        .as_deref()
        .map(|version| version.trim_start_matches("headwater").trim_start_matches(['/', ' ']));
    version.map_or_else(none, str::to_owned)
}

/// When it last answered anybody who told us: this program just now, or the steward.
fn seen(node: &NodeLine, now: UnixSeconds) -> String {
    match node.care.as_ref().and_then(|care| care.proved) {
        _ if node.error.is_none() => "now".to_owned(),
        Some(proved) => ago(proved, now),
        None => none(),
    }
}

fn proved(node: &NodeLine, now: UnixSeconds) -> String {
    let proved = node.care.as_ref().and_then(|care| care.proved);
    proved.map_or_else(none, |proved| ago(proved, now))
}

fn points(node: &NodeLine) -> String {
    let Some(care) = &node.care else { return none() };
    let kinds = ["offline", "slow", "missing", "corrupt"].into_iter().zip(care.points_milli);
    let shown = kinds.filter(|(_, milli)| *milli > 0);
    let shown: Vec<_> = shown.map(|(kind, milli)| format!("{kind} {}", milli.div_ceil(1000))).collect();
    if shown.is_empty() { none() } else { shown.join(", ") }
}

fn ago(then: u64, now: UnixSeconds) -> String {
    let seconds = now.seconds_since(UnixSeconds::new(then));
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        let now = UnixSeconds::new(1_000_000);
        let told = [0, 119, 120, 7199, 7200, 172_800].map(|seconds| ago(1_000_000 - seconds, now));
        assert_eq!(told, ["0 s ago", "119 s ago", "2 min ago", "119 min ago", "2 h ago", "2 days ago"]);
    }
}
