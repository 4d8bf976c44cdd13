//! The limits that both sides of a connection keep (spec §15), with their units.

/// Longest shard, in bytes.
pub const SHARD_LEN_MAX: u64 = proofs::SHARD_LEN_MAX;
/// Longest manifest, in bytes; also the most that `Fetch` gives.
pub const MANIFEST_LEN_MAX: u64 = 1 << 20;
/// Longest signed record, in bytes.
pub const RECORD_LEN_MAX: usize = 4096;
/// Longest header of a stream, in bytes, without the four bytes of its length.
pub const HEADER_LEN_MAX: usize = 65_536;
/// Most ranges of leaves in one `Read`.
pub const READ_RANGES_MAX: usize = 256;
/// Most leaves in one challenge.
pub const CHALLENGE_LEAVES_MAX: usize = 64;
/// Most roots in one `Stat`.
pub const STAT_ROOTS_MAX: usize = 256;
/// Most pointers that a node keeps for one signer; all of them fit into one header.
pub const POINTER_SLOTS_MAX: usize = 32;
/// Longest value of a pointer, in bytes.
pub const POINTER_VALUE_LEN_MAX: usize = 1024;
/// Most records in one answer to `Members`.
pub const MEMBERS_PAGE_MAX: usize = 128;
/// Nodes that anybody keeps in mind for one network.
pub const NETWORK_NODES_MAX: usize = 16_384;
/// Nodes of one /24 (IPv4) or /48 (IPv6) that anybody keeps in mind; loopback addresses are not counted.
pub const PREFIX_NODES_MAX: usize = 256;
/// How old a record may be, in seconds, before newcomers are no longer told of its node: 7 days.
pub const MEMBER_SILENT_S: u64 = 7 * DAY_S;
/// How often a node that runs writes its record anew, in seconds: a day.
pub const RECORD_RENEWED_S: u64 = DAY_S;
/// Identities that a node may have had before.
pub const FORMER_IDENTITIES_MAX: usize = 4;
/// Most tags in a node record.
pub const NODE_TAGS_MAX: usize = 16;
/// Longest key of a tag, in bytes.
pub const TAG_KEY_LEN_MAX: usize = 32;
/// Longest value of a tag, in bytes.
pub const TAG_VALUE_LEN_MAX: usize = 64;
/// Longest address of a relay, in bytes.
pub const RELAY_URL_LEN_MAX: usize = 200;
/// Most nodes in a ticket.
pub const TICKET_NODES_MAX: usize = 8;
/// Longest ticket, in bytes of its text.
pub const TICKET_LEN_MAX: usize = 8192;
/// Most addresses in a node record.
pub const NODE_ADDRESSES_MAX: usize = 8;
/// Highest capacity class of a node: 2^24 GiB.
pub const CAPACITY_CLASS_MAX: u8 = 24;
/// Longest name of a failure domain, in bytes.
pub const DOMAIN_NAME_LEN_MAX: usize = 64;
/// Longest time from a lease's start to its end, in seconds: 400 days.
pub const LEASE_DURATION_MAX_S: u64 = 400 * DAY_S;
/// How long a node keeps a shard after its last lease has ended, in seconds: 7 days.
pub const LEASE_GRACE_S: u64 = 7 * DAY_S;
/// What a node counts for each lease and each pointer beside the bytes that it keeps, in bytes.
pub const LEASE_OVERHEAD_LEN: u64 = 1024;
/// The time for which a lease and every renewal is charged at least, in seconds: a day.
pub const LEASE_CHARGED_MIN_S: u64 = DAY_S;
/// How far the clocks of two peers may differ, in seconds.
pub const CLOCK_SKEW_MAX_S: u64 = 300;
/// Longest explanation in a refusal, in bytes of UTF-8.
pub const REFUSAL_DETAIL_LEN_MAX: usize = 256;
/// Longest name of a program's version in `Status`, in bytes of UTF-8.
pub const VERSION_TEXT_LEN_MAX: usize = 64;
/// Most positions that an audit draws, and so most leaves of its picks.
pub const AUDIT_DRAWS_MAX: usize = 64;
/// How long a node remembers a commitment that it has acknowledged, in seconds: an hour.
pub const AUDIT_COMMITMENT_LIFETIME_S: u64 = 3600;
/// Longest transcript of an audit, in bytes, slices included.
pub const TRANSCRIPT_LEN_MAX: usize = 262_144;
/// Most picks that a verdict names.
pub const VERDICT_FAULTS_MAX: usize = 16;
/// Most verdicts in `Status`.
pub const STATUS_VERDICTS_MAX: usize = 8;
/// Longest time for which a repair is claimed, in seconds.
pub const CLAIM_DURATION_MAX_S: u16 = 600;
/// Most claims that a node keeps for one holder of mandates.
pub const CLAIMS_PER_HOLDER_MAX: usize = 1024;
/// Nodes that decide who has claimed a repair: the first ones in the ranking of its subject.
pub const CLAIM_VOTERS: usize = 7;
/// Lanes from one payer to one node in one epoch: their numbers are below this.
pub const LANES_MAX: u32 = 64;
/// How long before a promise ends a node takes no more vouchers, in seconds: it has to hand them in before the settlement.
pub const VOUCHER_REDEEM_S: u64 = 660;

const DAY_S: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    /// Limits of objects, of which neither clients nor nodes speak.
    const OF_OBJECTS: [&str; 7] = [
        "CELL_LEN_MAX",
        "SEGMENT_LEN_MAX",
        "CELLS_MAX",
        "SHARDS_MAX",
        "REQUIRED_TAGS_MAX",
        "REQUIRED_TAGS_LEN_MAX",
        "MANIFEST_SEARCH_MAX",
    ];

    /// The rows of the table in spec §15 that name a limit, as (name, first number in the row).
    fn table() -> Vec<(String, u64)> {
        let spec = include_str!("../../docs/spec.md");
        let section = spec.split("\n## 15. Limits").nth(1).unwrap().split("\n## ").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        rows.flat_map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let value = number(cells[2]);
            cells[1]
                .split(", ")
                .map(move |name| (name.trim_matches('`').to_string(), value))
                .collect::<Vec<_>>()
        })
        .collect()
    }

    /// `2^28 bytes`, `16 384 bytes`, `400 days` as a number of the base unit.
    fn number(cell: &str) -> u64 {
        if let Some(power) = cell.strip_prefix("2^") {
            return 1 << power.split(' ').next().unwrap().parse::<u32>().unwrap();
        }
        let digits: String =
            cell.chars().take_while(|c| c.is_ascii_digit() || *c == ' ').filter(|c| *c != ' ').collect();
        digits.parse::<u64>().unwrap() * if cell.ends_with("days") { DAY_S } else { 1 }
    }

    #[test]
    fn the_constants_are_those_of_the_specification() {
        let in_code = [
            ("SHARD_LEN_MAX", SHARD_LEN_MAX),
            ("MANIFEST_LEN_MAX", MANIFEST_LEN_MAX),
            ("RECORD_LEN_MAX", RECORD_LEN_MAX as u64),
            ("HEADER_LEN_MAX", HEADER_LEN_MAX as u64),
            ("READ_RANGES_MAX", READ_RANGES_MAX as u64),
            ("CHALLENGE_LEAVES_MAX", CHALLENGE_LEAVES_MAX as u64),
            ("STAT_ROOTS_MAX", STAT_ROOTS_MAX as u64),
            ("POINTER_SLOTS_MAX", POINTER_SLOTS_MAX as u64),
            ("POINTER_VALUE_LEN_MAX", POINTER_VALUE_LEN_MAX as u64),
            ("MEMBERS_PAGE_MAX", MEMBERS_PAGE_MAX as u64),
            ("NETWORK_NODES_MAX", NETWORK_NODES_MAX as u64),
            ("PREFIX_NODES_MAX", PREFIX_NODES_MAX as u64),
            ("MEMBER_SILENT_S", MEMBER_SILENT_S),
            ("RECORD_RENEWED_S", RECORD_RENEWED_S),
            ("FORMER_IDENTITIES_MAX", FORMER_IDENTITIES_MAX as u64),
            ("NODE_TAGS_MAX", NODE_TAGS_MAX as u64),
            ("TAG_KEY_LEN_MAX", TAG_KEY_LEN_MAX as u64),
            ("TAG_VALUE_LEN_MAX", TAG_VALUE_LEN_MAX as u64),
            ("RELAY_URL_LEN_MAX", RELAY_URL_LEN_MAX as u64),
            ("TICKET_NODES_MAX", TICKET_NODES_MAX as u64),
            ("TICKET_LEN_MAX", TICKET_LEN_MAX as u64),
            ("NODE_ADDRESSES_MAX", NODE_ADDRESSES_MAX as u64),
            ("CAPACITY_CLASS_MAX", u64::from(CAPACITY_CLASS_MAX)),
            ("DOMAIN_NAME_LEN_MAX", DOMAIN_NAME_LEN_MAX as u64),
            ("LEASE_DURATION_MAX_S", LEASE_DURATION_MAX_S),
            ("LEASE_GRACE_S", LEASE_GRACE_S),
            ("LEASE_OVERHEAD_LEN", LEASE_OVERHEAD_LEN),
            ("LEASE_CHARGED_MIN_S", LEASE_CHARGED_MIN_S),
            ("CLOCK_SKEW_MAX_S", CLOCK_SKEW_MAX_S),
            ("REFUSAL_DETAIL_LEN_MAX", REFUSAL_DETAIL_LEN_MAX as u64),
            ("VERSION_TEXT_LEN_MAX", VERSION_TEXT_LEN_MAX as u64),
            ("AUDIT_DRAWS_MAX", AUDIT_DRAWS_MAX as u64),
            ("AUDIT_COMMITMENT_LIFETIME_S", AUDIT_COMMITMENT_LIFETIME_S),
            ("TRANSCRIPT_LEN_MAX", TRANSCRIPT_LEN_MAX as u64),
            ("VERDICT_FAULTS_MAX", VERDICT_FAULTS_MAX as u64),
            ("STATUS_VERDICTS_MAX", STATUS_VERDICTS_MAX as u64),
            ("CLAIM_DURATION_MAX_S", u64::from(CLAIM_DURATION_MAX_S)),
            ("CLAIMS_PER_HOLDER_MAX", CLAIMS_PER_HOLDER_MAX as u64),
            ("CLAIM_VOTERS", CLAIM_VOTERS as u64),
            ("LANES_MAX", u64::from(LANES_MAX)),
            ("VOUCHER_REDEEM_S", VOUCHER_REDEEM_S),
        ];
        let in_code: Vec<_> = in_code.map(|(name, value)| (name.to_string(), value)).into();
        let mut specified = table();
        specified.retain(|(name, _)| !OF_OBJECTS.contains(&name.as_str()));
        assert_eq!(specified, in_code);
    }
}
