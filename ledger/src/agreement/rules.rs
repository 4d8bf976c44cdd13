//! The rules that concern more than one field of an agreement.

use super::{AgreementError, AgreementParts, Parent, Party};
use protocol::Ppm;

/// The only version of the format.
const FORMAT: u8 = 1;

pub(super) fn check(parts: &AgreementParts) -> Result<(), AgreementError> {
    if parts.v != FORMAT {
        return Err(AgreementError::Format { found: parts.v });
    }
    check_version(parts)?;
    check_parties(&parts.parties)?;
    check_parents(&parts.parents)?;
    let fees = [parts.fees.gateway, parts.fees.network, parts.fees.node];
    Ppm::sum(fees).map_err(AgreementError::FeeSum)?;
    Ok(())
}

/// The first version supersedes nothing, every later one supersedes one.
fn check_version(parts: &AgreementParts) -> Result<(), AgreementError> {
    let AgreementParts { version, supersedes, .. } = *parts;
    let is_sound = version >= 1 && supersedes.is_some() == (version > 1);
    if is_sound { Ok(()) } else { Err(AgreementError::Version { version }) }
}

fn check_parties(parties: &[Party]) -> Result<(), AgreementError> {
    let place = |party: &Party| (party.party, party.role);
    if let Some(at) = first_out_of_order(parties, place) {
        return Err(AgreementError::PartyOrder { at });
    }
    if let Some(at) = parties.iter().position(|party| party.ppm == Ppm::ZERO) {
        return Err(AgreementError::NoShare { at });
    }
    let found: u64 = parties.iter().map(|party| u64::from(party.ppm.get())).sum();
    if found == u64::from(Ppm::WHOLE.get()) { Ok(()) } else { Err(AgreementError::PartySum { found }) }
}

fn check_parents(parents: &[Parent]) -> Result<(), AgreementError> {
    if let Some(at) = first_out_of_order(parents, |parent| parent.agreement) {
        return Err(AgreementError::ParentOrder { at });
    }
    if let Some(at) = parents.iter().position(|parent| parent.ppm == Ppm::ZERO) {
        return Err(AgreementError::NoParentShare { at });
    }
    Ppm::sum(parents.iter().map(|parent| parent.ppm)).map_err(AgreementError::ParentSum)?;
    Ok(())
}

/// Which item is not greater than the one before.
fn first_out_of_order<T, K: Ord>(items: &[T], place: impl Fn(&T) -> K) -> Option<usize> {
    items.windows(2).position(|pair| place(&pair[0]) >= place(&pair[1])).map(|before| before + 1)
}
