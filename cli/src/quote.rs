//! What storing something costs, and until when it is then kept: said before it begins.

use std::fmt;

use chunker::{Coding, Geometry, Padding, RequiredTags};
use client::{Client, Quote};
use protocol::{Amount, UnixSeconds};
use serde::Serialize;

use crate::output::Output;
use crate::{confirm, date};

/// What is quoted where nobody knows how much there is: one GiB.
const UNKNOWN_LEN: u64 = 1 << 30;

/// What is to be stored.
#[derive(Debug)]
pub(crate) struct Storing<'s> {
    pub(crate) coding: Coding,
    pub(crate) padding: Padding,
    pub(crate) required: &'s RequiredTags,
    /// Bytes, where that is known.
    pub(crate) len: Option<u64>,
    /// From now on.
    pub(crate) keep_s: u64,
    pub(crate) until: UnixSeconds,
}

#[derive(Serialize)]
struct Told {
    quote: Terms,
}

/// The quote as programs read it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Terms {
    nodes: usize,
    free_nodes: usize,
    /// Bytes for which it is; none where it is for one GiB of an unknown number.
    bytes: Option<u64>,
    stored_bytes: u64,
    /// In whole units of the network's currency.
    at_most: String,
    kept_until: u64,
}

impl Storing<'_> {
    /// Says what it costs, and asks whether it may; with `yes` without asking. `is_data` says that standard input is data.
    pub(crate) async fn confirm(
        &self,
        client: &Client,
        yes: bool,
        is_data: bool,
        output: Output,
    ) -> anyhow::Result<()> {
        // What has no geometry, or no node to be on, is refused by whoever stores it, with the reason.
        let len = self.len.unwrap_or(UNKNOWN_LEN);
        let Ok(geometry) = Geometry::for_len(self.coding, len, self.padding) else { return Ok(()) };
        let quote = client.quote(&geometry, self.required, self.keep_s);
        if quote.nodes == 0 {
            return Ok(());
        }
        let terms = Terms::of(&quote, self.len, self.until);
        if quote.at_most == 0 || yes {
            if !output.is_json() {
                output.note(&terms);
            }
            return output.answer_beside_data(&Told { quote: terms });
        }
        output.answer_beside_data(&Told { quote: Terms::of(&quote, self.len, self.until) })?;
        confirm::spend(terms, is_data, output).await
    }
}

impl Terms {
    fn of(quote: &Quote, len: Option<u64>, until: UnixSeconds) -> Self {
        let at_most = Amount::try_from(quote.at_most).unwrap_or(Amount::MAX);
        Self {
            nodes: quote.nodes,
            free_nodes: quote.free,
            bytes: len,
            stored_bytes: quote.stored,
            at_most: at_most.to_string(),
            kept_until: until.get(),
        }
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes, free_nodes: free, at_most, .. } = self;
        let until = date::local_day(UnixSeconds::new(self.kept_until));
        if nodes == free {
            return write!(f, "all {nodes} nodes are free of charge; kept until {until}");
        }
        let each = if self.bytes.is_none() { "each GiB costs" } else { "it costs" };
        write!(f, "{each} at most {at_most} of the network's currency, paid until {until}")?;
        write!(f, " ({free} of {nodes} nodes are free of charge)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_says_what_it_costs_and_until_when() {
        let quote = |free, at_most| Quote { nodes: 8, free, stored: 3 << 20, at_most };
        let until = UnixSeconds::new(1_800_000_000);
        let said = |quote, len| Terms::of(&quote, len, until).to_string();
        assert!(
            said(quote(8, 0), Some(1)).starts_with("all 8 nodes are free of charge; kept until 2027-01-1")
        );
        let dear = said(quote(1, 1_234_567), Some(1));
        assert!(
            dear.starts_with("it costs at most 1.234567 of the network's currency, paid until 2027"),
            "{dear}"
        );
        assert!(said(quote(1, 1), None).starts_with("each GiB costs"));
    }
}
