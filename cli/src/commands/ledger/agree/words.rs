//! What an agreement says, in words: nobody signs what they have not seen.

use std::fmt;

use ledger::{AgreementParts, Parent, Party, Per, Price, Role, SplitAgreement};
use protocol::Ppm;

/// An agreement for people, one fact per line.
pub(super) struct InWords<'a>(pub(super) &'a SplitAgreement);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AgreementParts { content, creator, fees, parties, parents, price, .. } = self.0.parts();
        writeln!(f, "agreement {}", self.0.id())?;
        writeln!(f, "  about the publication {content}")?;
        writeln!(f, "  by its creator {creator}")?;
        self.version(f)?;
        writeln!(f, "  a viewer pays {}", self.price(price))?;
        writeln!(
            f,
            "  of this, before anybody else: {} to the gateway, {} to the nodes, {} to the network",
            Percent(fees.gateway),
            Percent(fees.node),
            Percent(fees.network)
        )?;
        for Parent { agreement, ppm } in parents.iter() {
            writeln!(
                f,
                "  of what is left, {} to the work {agreement}, and those it is made from",
                Percent(*ppm)
            )?;
        }
        writeln!(f, "  the rest is shared by")?;
        for Party { ipi, party, ppm, role } in parties.iter() {
            let ipi = ipi.as_ref().map_or_else(String::new, |ipi| format!(", IPI {ipi}"));
            writeln!(f, "    {:>9} {party} as {}{ipi}", Percent(*ppm), name(*role))?;
        }
        self.rights(f)
    }
}

impl InWords<'_> {
    fn version(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AgreementParts { version, supersedes, issued, .. } = self.0.parts();
        write!(f, "  version {version}, written {issued}")?;
        match supersedes {
            Some(before) => writeln!(f, ", in place of {before}"),
            None => writeln!(f),
        }
    }

    fn price(&self, price: &Price) -> String {
        let (micro, unit, of) = (price.micro, &self.0.parts().unit, price.of.get());
        match price.per {
            Per::Byte => format!("{micro} {unit} for {of} bytes"),
            Per::Second => format!("{micro} {unit} for {of} seconds of playing"),
            Per::View => format!("{micro} {unit} once, when at least {of} seconds were played"),
        }
    }

    fn rights(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AgreementParts { secondary, isrc, iswc, iscc, .. } = self.0.parts();
        match secondary {
            Some(least) => {
                writeln!(f, "  others may make works from it, for {} or more of theirs", Percent(*least))?;
            }
            None => writeln!(f, "  nobody may make works from it")?,
        }
        isrc.iter().try_for_each(|code| writeln!(f, "  ISRC {code}"))?;
        iswc.iter().try_for_each(|code| writeln!(f, "  ISWC {code}"))?;
        iscc.iter().try_for_each(|code| writeln!(f, "  {code}"))
    }
}

/// Millionths as a percentage, without rounding.
struct Percent(Ppm);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const OF_A_PERCENT: u32 = 10_000;
        let (whole, part) = (self.0.get() / OF_A_PERCENT, self.0.get() % OF_A_PERCENT);
        let part = format!("{part:04}");
        f.pad(&match part.trim_end_matches('0') {
            "" => format!("{whole} %"),
            part => format!("{whole}.{part} %"),
        })
    }
}

/// As it is written in the agreement.
fn name(role: Role) -> String {
    let name = serde_json::to_value(role).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or("other").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_millionth_is_rounded_away() {
        let percent = |ppm| Percent(Ppm::new(ppm).unwrap()).to_string();
        assert_eq!(
            [0, 1, 10_000, 333_333, 1_000_000].map(percent),
            ["0 %", "0.0001 %", "1 %", "33.3333 %", "100 %"]
        );
    }
}
