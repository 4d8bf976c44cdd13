//! On what terms a title is shown: the agreement that holds for it, checked as far as that can be done.

use std::fmt;

use anyhow::{Context, bail};
use ledger::{Inquired, SplitAgreement};
use proofs::Cid;
use protocol::{AgreementId, Amount, Epoch, NetworkId, PublicKey, SecretKey, TitlePrice, Usage};
use reqwest::Url;
use serde::Deserialize;
use sharing::{Bundle, Prelude};

use super::limit;
use super::till::{PaidBy, Till};
use crate::arguments::Globals;
use crate::ledger_api::{LedgerApi, TermsAnswer};
use crate::ledger_network;
use crate::money::Money;

/// What a title costs, and by way of which ledger.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(super) ledger: LedgerApi,
    pub(super) issuer: PublicKey,
    /// For what everything is signed: the network at this ledger.
    pub(super) network: NetworkId,
    pub(super) agreement: SplitAgreement,
    /// The most that watching it once can need.
    pub(super) need: Usage,
    /// What watching it once needs where nothing is fetched twice; of a live stream nobody knows.
    whole: Option<Usage>,
}

/// Where a ledger stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Epochs {
    /// The one that grants are for now.
    pub(super) now: Epoch,
    /// The one that is settled next.
    open: Epoch,
}

impl Epochs {
    /// Whether nothing more is paid under grants for this one.
    pub(super) fn are_settled(self, epoch: Epoch) -> bool {
        epoch < self.open
    }
}

#[derive(Deserialize)]
struct TitleAnswer {
    id: String,
}

/// A title, as agreements name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    content: Cid,
    creator: PublicKey,
    /// The ledger under whose agreements; without one it is free.
    ledger: Option<PublicKey>,
    /// The most that watching it once can need.
    need: Usage,
    /// What watching it once needs where nothing is fetched twice.
    whole: Option<Usage>,
}

impl Shown {
    /// A publication.
    pub(crate) fn bundle(bundle: &Bundle) -> Self {
        let (content, creator) = (bundle.content(), bundle.creator());
        let (need, whole) = (limit::need(bundle), Some(limit::whole(bundle)));
        Self { content, creator, ledger: bundle.parts().ledger, need, whole }
    }

    /// A live stream. Nobody knows how long it goes on: a grant may be as large as grants are.
    pub(crate) fn live(prelude: &Prelude) -> Self {
        let need = Usage { bytes: ledger::GRANT_BYTES_MAX, ms: ledger::GRANT_MS_MAX };
        let (content, creator) = (prelude.id().cid(), prelude.creator());
        Self { content, creator, ledger: prelude.parts().ledger, need, whole: None }
    }
}

impl Offer {
    /// The offer for a title; `None` where it is free. The ledger is the one that it names itself, wherever a gateway says
    /// that this is; the agreement is what its hash says, and everybody whom it concerns has signed it.
    pub(crate) async fn find(
        shown: &Shown,
        gateways: &[Url],
        globals: &Globals,
    ) -> anyhow::Result<Option<Self>> {
        let Some(issuer) = shown.ledger else { return Ok(None) };
        let paid_by = ledger_of(gateways, issuer).await?;
        let ledger = LedgerApi::connect(&paid_by.url).await?;
        let network = ledger.network()?;
        if network != paid_by.network {
            bail!("the ledger at {} is one of another network than its gateway says", ledger.url());
        }
        ledger_network::check(globals.network.as_deref(), ledger.url(), network)?;
        Self::at(ledger, shown, issuer).await.map(Some)
    }

    /// The offer for a title at this ledger, which has to be the one that it is shown under.
    async fn at(ledger: LedgerApi, shown: &Shown, named: PublicKey) -> anyhow::Result<Self> {
        let (issuer, network) = (ledger.issuer()?, ledger.signed_for()?);
        if named != issuer {
            bail!("the ledger at {} is another one than the title is shown under", ledger.url());
        }
        let title = format!("v1/titles/{}?creator={}", shown.content, hex(&shown.creator));
        let TitleAnswer { id } = ledger.get(&title).await?;
        let agreement = agreement(&ledger, &id).await?;
        let parts = agreement.parts();
        if parts.content != shown.content || parts.creator != shown.creator {
            bail!("the agreement {id} is about another title");
        }
        let Shown { need, whole, .. } = *shown;
        Ok(Self { ledger, issuer, network, agreement, need, whole })
    }

    /// What it costs to see all of it once, with some room for what is asked for twice.
    pub(crate) fn most(&self) -> Amount {
        limit::charge(self.price(), self.need)
    }

    /// The key of the ledger.
    pub(crate) const fn issuer(&self) -> PublicKey {
        self.issuer
    }

    /// In what it is paid.
    pub(crate) fn unit(&self) -> &str {
        self.agreement.parts().unit.as_str()
    }

    pub(super) fn price(&self) -> &TitlePrice {
        &self.agreement.parts().price
    }

    /// The epochs of its ledger, as they are now.
    pub(super) async fn epochs(&self) -> anyhow::Result<Epochs> {
        let terms: TermsAnswer = self.ledger.get("v1/terms").await?;
        Ok(Epochs { now: Epoch::new(terms.epoch), open: Epoch::new(terms.open_epoch) })
    }

    /// What the viewer has at the ledger, when that is less than the most that is asked for: why nothing may play.
    pub(crate) async fn shortfall(&self, viewer: &SecretKey, most: Amount) -> anyhow::Result<Option<String>> {
        #[derive(Deserialize)]
        struct Balance {
            funds: String,
        }
        let Balance { funds } = self.ledger.inquire(viewer, Inquired::Balance, None).await?;
        let has: Money = funds.parse().context("the ledger tells no funds")?;
        let (key, unit) = (viewer.public(), self.unit());
        let short = format!(
            "your payment key {key} has {funds} {unit} at {}, {most} {unit} are set aside for it: \
             headwater ledger top-up adds to it",
            self.ledger.url()
        );
        Ok((has.0 < most).then_some(short))
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (price, unit) = (self.price(), self.unit());
        if price.micro.is_zero() {
            return f.write_str("it costs nothing, and what comes is acknowledged");
        }
        let Some(whole) = self.whole else {
            return write!(f, "it costs {price} ({unit}), as long as it is watched");
        };
        let whole = limit::charge(price, whole);
        write!(
            f,
            "it costs {price} ({unit}): {whole} {unit} to see all of it once, and at most {} {unit}, since what is \
             fetched again is paid again",
            self.most()
        )
    }
}

/// The first gateway that is paid by way of this ledger says where that is.
async fn ledger_of(gateways: &[Url], issuer: PublicKey) -> anyhow::Result<PaidBy> {
    let mut last = None;
    for gateway in gateways {
        match Till::of(gateway)?.ledger().await {
            Ok(Some(paid_by)) if paid_by.issuer == issuer => return Ok(paid_by),
            Ok(_) => {}
            Err(error) => last = Some(format!("{gateway}: {error}")),
        }
    }
    match last {
        Some(error) => bail!("no gateway says where the ledger {issuer} is: {error}"),
        None => bail!("no gateway that is named takes part in the ledger {issuer}"),
    }
}

async fn agreement(ledger: &LedgerApi, id: &str) -> anyhow::Result<SplitAgreement> {
    let wanted = data_encoding::HEXLOWER.decode(id.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let wanted = AgreementId::from_bytes(wanted.context("the ledger names no agreement")?);
    let agreed = ledger.agreed(wanted).await?;
    let before = ledger.superseded_by(&agreed.agreement).await?;
    agreed.check_consents(before.as_ref())?;
    Ok(agreed.agreement)
}

fn hex(key: &PublicKey) -> String {
    data_encoding::HEXLOWER.encode(key.as_bytes())
}
