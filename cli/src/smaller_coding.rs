//! A way out of a put that found too few nodes.

use account::PutPacksError;
use anyhow::anyhow;
use client::PutError;
use publishing::StoreError;

use crate::failure;
use crate::membership::suitable_coding;

/// The error, with the coding that the nodes there are would do for, when that is what failed.
pub(crate) fn suggest(error: anyhow::Error) -> anyhow::Error {
    let nodes = error.chain().find_map(|cause| {
        nodes_of(match (cause.downcast_ref::<StoreError>(), cause.downcast_ref::<PutPacksError>()) {
            (Some(StoreError::Put(put)), _) | (_, Some(PutPacksError::Put(put))) => put,
            _ => cause.downcast_ref::<PutError>()?,
        })
    });
    let Some((nodes, coding)) = nodes.and_then(|nodes| Some((nodes, suitable_coding(nodes).ok()?))) else {
        return error;
    };
    anyhow!("{}; {nodes} nodes are enough for --coding {coding}", failure::one_line(&error))
}

/// How many nodes there are, when they are too few.
fn nodes_of(error: &PutError) -> Option<usize> {
    match error {
        PutError::TooFewNodes { domains, .. } | PutError::TooFewComply { domains, .. } => Some(*domains),
        PutError::TooFewLeases { leased, .. } => Some(*leased),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    fn too_few(domains: usize) -> PutError {
        PutError::TooFewNodes { needed: 8, domains }
    }

    #[test]
    fn a_coding_is_named_that_fits() {
        for error in [
            anyhow::Error::new(too_few(5)).context("cannot store x"),
            anyhow::Error::new(StoreError::Put(too_few(5))).context("cannot store x"),
        ] {
            let said = suggest(error).to_string();
            assert!(said.starts_with("cannot store x: 8 nodes "), "{said}");
            assert!(said.ends_with("; 5 nodes are enough for --coding 4+1"), "{said}");
        }
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        let alone = Err::<(), _>(too_few(1)).context("cannot store x").unwrap_err();
        assert!(!suggest(alone).to_string().contains("--coding"), "one node is enough for nothing");
        let other = anyhow::Error::new(PutError::NoPayer).context("cannot store x");
        assert_eq!(suggest(other).to_string(), "cannot store x");
    }
}
