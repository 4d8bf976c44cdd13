//! For how much a grant is asked: what watching a title once can need, and what an amount is enough for.

use protocol::{Amount, Per, TitlePrice, Usage};
use sharing::{Bundle, Track, TrackKind};

/// A grant may be for so much more than the title: half of it again, and some room for what is asked for twice.
const ROOM: Usage = Usage { bytes: 32 << 20, ms: 60_000 };
const MS_PER_S: u128 = 1000;

/// The most that watching a title once can need: all of it, and some room.
pub(super) fn need(bundle: &Bundle) -> Usage {
    let whole = whole(bundle);
    let more = Usage { bytes: whole.bytes / 2, ms: whole.ms / 2 };
    whole.plus(more).plus(ROOM).capped(Usage { bytes: ledger::GRANT_BYTES_MAX, ms: ledger::GRANT_MS_MAX })
}

/// What watching a title once needs: its length, and its largest tracks.
pub(super) fn whole(bundle: &Bundle) -> Usage {
    let largest = |is_kind: fn(&TrackKind) -> bool| {
        let tracks = bundle.tracks().iter().filter(|track| is_kind(track.kind()));
        tracks.map(Track::len).max().unwrap_or(0)
    };
    let kinds: [fn(&TrackKind) -> bool; 3] = [
        |kind| matches!(kind, TrackKind::Video(_)),
        |kind| matches!(kind, TrackKind::Audio(_)),
        |kind| matches!(kind, TrackKind::Subtitles),
    ];
    let bytes = kinds.into_iter().map(largest).fold(0, u64::saturating_add);
    Usage { bytes, ms: bundle.parts().duration.get() }
}

/// What so much usage is charged for at most. A view counts however short the title is.
pub(super) fn charge(price: &TitlePrice, usage: Usage) -> Amount {
    match price.per {
        Per::View => price.micro,
        Per::Byte | Per::Second => price.charge(usage, Amount::MAX),
    }
}

/// As much of `most` as costs no more than `amount`; `None` where that is nothing.
pub(super) fn affordable(price: &TitlePrice, amount: Amount, most: Usage) -> Option<Usage> {
    if price.micro.is_zero() {
        return Some(most);
    }
    // The largest quantity whose price, rounded down, is not above the amount.
    let quantity = |unit: u128| ((u128::from(amount) + 1) * unit - 1) / u128::from(price.micro);
    let of = u128::from(price.of.get());
    let at_most = |most: u64, quantity: u128| u64::try_from(quantity).map_or(most, |found| found.min(most));
    let usage = match price.per {
        Per::View if price.micro > amount => return None,
        Per::View => most,
        Per::Byte => Usage { bytes: at_most(most.bytes, quantity(of)), ..most },
        Per::Second => Usage { ms: at_most(most.ms, quantity(MS_PER_S * of)), ..most },
    };
    (usage.bytes > 0 && usage.ms > 0).then_some(usage)
}

#[cfg(test)]
mod tests {
    use protocol::Quantity;

    use super::*;

    const MOST: Usage = Usage { bytes: 1 << 30, ms: 1 << 30 };

    fn price(micro: u64, of: u64, per: Per) -> TitlePrice {
        TitlePrice { micro: Amount::new(micro).unwrap(), of: Quantity::new(of).unwrap(), per }
    }

    #[test]
    fn an_amount_is_enough_for_what_it_is_and_for_no_byte_more() {
        for (micro, of) in [(1, 1), (7, 3), (3, 7), (70_000, 65_537)] {
            for amount in [1, 10, 1_000_003] {
                let amount = Amount::new(amount).unwrap();
                let price = price(micro, of, Per::Byte);
                let Some(usage) = affordable(&price, amount, MOST) else {
                    assert!(charge(&price, Usage { bytes: 1, ms: 1 }) > amount);
                    continue;
                };
                assert!(charge(&price, usage) <= amount);
                assert!(charge(&price, Usage { bytes: usage.bytes + 1, ..usage }) > amount, "{micro}/{of}");
            }
        }
    }

    #[test]
    fn seconds_and_views_are_counted_otherwise() {
        let ten = Amount::new(10).unwrap();
        let seconds = affordable(&price(3, 2, Per::Second), ten, MOST).unwrap();
        assert_eq!(seconds, Usage { ms: 7333, ..MOST });
        assert_eq!(affordable(&price(11, 30, Per::View), ten, MOST), None);
        assert_eq!(affordable(&price(10, 30, Per::View), ten, MOST), Some(MOST));
        assert_eq!(affordable(&price(0, 1, Per::Byte), Amount::ZERO, MOST), Some(MOST), "it is free");
        assert_eq!(affordable(&price(2, 1, Per::Byte), Amount::ZERO, MOST), None);
        assert_eq!(charge(&price(10, 30, Per::View), Usage::default()), ten);
    }
}
