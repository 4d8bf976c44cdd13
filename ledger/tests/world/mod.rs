//! A ledger with somebody in every role, for the tests.

#![allow(dead_code, reason = "every test uses a part of it")]

use std::sync::LazyLock;

use ledger::{
    Acceptance, Account, Agreed, AgreementParts, Applied, ApplyError, Blind, Budget, BudgetRef, Consent,
    Deposit, Deposited, Entry, Fees, Granted, Journal, KeyDelivery, Ledger, LicenceTransfer, Offer, Parent,
    Party, PaymentId, Per, Prepayment, Price, Purchase, Quantity, Role, SessionRequest, SplitAgreement,
    StorageReport, Terms, Transaction, Transferred, Unit, Viewers, What,
};
use proofs::Cid;
use protocol::{
    AgreementId, Allocation, Amount, BoundedList, Delivered, DeliveryReceipt, Digest, Epoch, LaneNumber,
    NetworkId, Ppm, PublicKey, Record, SecretKey, Sequence, Serial, SessionGrant, Signed, StreamNumber,
    UnixSeconds, Usage, Voucher,
};

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([0x4e; 32]);
pub(crate) const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

pub(crate) const ISSUER: u8 = 250;
pub(crate) const TREASURY: u8 = 251;

pub(crate) fn secret(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

/// Made once: whoever signs is looked for by key.
pub(crate) fn key(seed: u8) -> PublicKey {
    static KEYS: LazyLock<Vec<PublicKey>> =
        LazyLock::new(|| (0..=u8::MAX).map(|seed| secret(seed).public()).collect());
    KEYS[usize::from(seed)]
}

pub(crate) fn amount(micro: u64) -> Amount {
    Amount::new(micro).unwrap()
}

pub(crate) fn ppm(share: u32) -> Ppm {
    Ppm::new(share).unwrap()
}

pub(crate) fn terms() -> Terms {
    Terms { issuer: key(ISSUER), network: NETWORK, treasury: key(TREASURY), unit: Unit::new("EUR").unwrap() }
}

/// What a test wants to be different about an agreement.
pub(crate) struct Title<'a> {
    pub(crate) content: u8,
    /// Parties by their seeds, with their shares; the first one is the creator.
    pub(crate) parties: &'a [(u8, u32)],
    pub(crate) parents: &'a [(AgreementId, u32)],
    pub(crate) fees: [u32; 3],
    pub(crate) micro: u64,
    pub(crate) of: u64,
    pub(crate) per: Per,
}

impl Default for Title<'_> {
    fn default() -> Self {
        Self {
            content: 1,
            parties: &[(1, 1_000_000)],
            parents: &[],
            fees: [0; 3],
            micro: 1,
            of: 1,
            per: Per::Byte,
        }
    }
}

impl Title<'_> {
    pub(crate) fn parts(&self) -> AgreementParts {
        let [gateway, network, node] = self.fees.map(ppm);
        let mut parties: Vec<_> = self
            .parties
            .iter()
            .map(|(seed, share)| Party { ipi: None, party: key(*seed), ppm: ppm(*share), role: Role::Author })
            .collect();
        parties.sort_by_key(|party| party.party);
        let parent =
            |(agreement, share): &(AgreementId, u32)| Parent { agreement: *agreement, ppm: ppm(*share) };
        let mut parents: Vec<_> = self.parents.iter().map(parent).collect();
        parents.sort_by_key(|parent| parent.agreement);
        AgreementParts {
            content: Cid::of(&[self.content]),
            creator: key(self.parties[0].0),
            fees: Fees { gateway, network, node },
            iscc: None,
            isrc: None,
            issued: NOW,
            iswc: None,
            parents: BoundedList::new(parents).unwrap(),
            parties: BoundedList::new(parties).unwrap(),
            price: Price { micro: amount(self.micro), of: Quantity::new(self.of).unwrap(), per: self.per },
            secondary: Some(ppm(1)),
            supersedes: None,
            unit: Unit::new("EUR").unwrap(),
            v: 1,
            version: 1,
        }
    }
}

/// A grant that a test asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) viewer: u8,
    pub(crate) agreement: AgreementId,
    pub(crate) gateway: u8,
    pub(crate) budget: Option<BudgetRef>,
    pub(crate) charge: u64,
    pub(crate) limit: Usage,
    pub(crate) epoch: u64,
    /// Tells requests from each other; the session key follows from it.
    pub(crate) number: u8,
}

impl Ask {
    pub(crate) fn session(&self) -> SecretKey {
        SecretKey::from_bytes(&[self.number, self.viewer, 77, 77].repeat(8).try_into().unwrap())
    }

    pub(crate) fn request(&self) -> Signed<SessionRequest> {
        let body = SessionRequest {
            agreement: self.agreement,
            attested: false,
            budget: self.budget,
            charge: amount(self.charge),
            epoch: Epoch::new(self.epoch),
            gateway: key(self.gateway),
            issued: NOW,
            limit: self.limit,
            session: self.session().public(),
        };
        Signed::sign(&secret(self.viewer), &NETWORK, body)
    }

    pub(crate) fn serial(&self) -> Serial {
        self.request().body().serial(&key(self.viewer))
    }

    pub(crate) fn grant(&self) -> SessionGrant {
        let epoch = Epoch::new(self.epoch);
        SessionGrant {
            agreement: self.agreement,
            alias: BLIND.alias(&key(self.viewer), self.agreement, epoch),
            attested: false,
            charge: amount(self.charge),
            epoch,
            expires: NOW.plus(3600),
            gateway: key(self.gateway),
            limit: self.limit,
            serial: self.serial(),
            session: self.session().public(),
            starts: NOW,
        }
    }

    pub(crate) fn granted(&self) -> What {
        let grant = Signed::sign(&secret(ISSUER), &NETWORK, self.grant());
        What::Grant(Box::new(Granted { blind: BLIND, grant, request: self.request() }))
    }

    pub(crate) fn receipt(&self, stream: u8, seq: u64, usage: Usage) -> What {
        let body = DeliveryReceipt {
            delivered: Delivered::NOTHING,
            seq: Sequence::new(seq),
            serial: self.serial(),
            stream: StreamNumber::try_from(stream).unwrap(),
            usage,
        };
        What::Receipt(Signed::sign(&self.session(), &NETWORK, body))
    }
}

pub(crate) const BLIND: Blind = Blind::from_bytes([5; 32]);

/// A ledger and the journal of what it took.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) journal: Journal,
    /// The time of the next entry.
    pub(crate) at: UnixSeconds,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { ledger: Ledger::new(terms()), journal: Journal::new(&terms()), at: NOW }
    }

    pub(crate) fn apply(&mut self, what: What) -> Result<Applied, ApplyError> {
        let entry = Entry { at: self.at, what };
        let head = self.ledger.head();
        let applied = self.ledger.apply(&entry)?;
        if applied != Applied::Known {
            let after = self.journal.append_if(head, entry.encode()).unwrap();
            assert_eq!(after, self.ledger.head());
        }
        Ok(applied)
    }

    /// Applies what must be new, and gives what was posted.
    pub(crate) fn new_entry(&mut self, what: What) -> Option<Transaction> {
        match self.apply(what).unwrap() {
            Applied::New(transaction) => transaction,
            Applied::Known => panic!("it was known"),
        }
    }

    pub(crate) fn register(&mut self, title: &Title<'_>) -> AgreementId {
        let agreed = agreed(title.parts());
        let id = agreed.agreement.id();
        self.new_entry(What::Agreement(Box::new(agreed)));
        id
    }

    pub(crate) fn deposit(&mut self, owner: u8, micro: u64) {
        self.new_entry(deposit(owner, micro, owner));
    }

    pub(crate) fn settle(&mut self) -> ledger::Settlement {
        let settlement = self.ledger.settlement();
        self.new_entry(What::Settlement(Box::new(settlement.summary.clone())));
        settlement
    }
}

pub(crate) fn agreed(parts: AgreementParts) -> Agreed {
    let agreement = SplitAgreement::new(parts).unwrap();
    let signatories = agreement.signatories();
    let seeds = (0..=255_u8).filter(|seed| signatories.contains(&key(*seed)));
    let consent = Consent { agreement: agreement.id(), issued: NOW };
    let consents = seeds.map(|seed| Signed::sign(&secret(seed), &NETWORK, consent)).collect();
    Agreed { agreement, consents }
}

pub(crate) fn deposit(owner: u8, micro: u64, id: u8) -> What {
    let unit = Unit::new("EUR").unwrap();
    let id = PaymentId::from_bytes([id; 16]);
    let body = Deposit { amount: amount(micro), id, remark: None, unit, issued: NOW };
    deposited(ISSUER, Signed::sign(&secret(owner), &NETWORK, body))
}

/// A deposit that somebody has accepted.
pub(crate) fn deposited(by: u8, deposit: Signed<Deposit>) -> What {
    let acceptance = accepted(by, &deposit);
    What::Deposit(Box::new(Deposited { acceptance, deposit }))
}

pub(crate) fn accepted<T: Record>(by: u8, record: &Signed<T>) -> Signed<Acceptance> {
    let body = Acceptance { issued: NOW, name: record.name() };
    Signed::sign(&secret(by), &NETWORK, body)
}

pub(crate) fn budget(payer: u8, micro: u64, each: u64, viewers: &[u8], whole: bool) -> (BudgetRef, What) {
    let id = PaymentId::from_bytes([payer; 16]);
    let body = Budget {
        amount: amount(micro),
        content: None,
        each: amount(each),
        epoch: Epoch::new(1),
        id,
        issued: NOW,
        viewers: Viewers::new(viewers.iter().copied().map(key).collect()).unwrap(),
        whole,
    };
    let name = BudgetRef { id, payer: key(payer) };
    (name, What::Budget(Signed::sign(&secret(payer), &NETWORK, body)))
}

pub(crate) fn allocation(gateway: u8, node: u8, micro: u64) -> What {
    let body = Allocation {
        amount: amount(micro),
        epoch: Epoch::new(1),
        issued: NOW,
        lane: LaneNumber::new(0),
        payee: key(node),
    };
    What::Allocation(Signed::sign(&secret(gateway), &NETWORK, body))
}

pub(crate) fn voucher(gateway: u8, node: u8, bytes: u64, micro: u64) -> What {
    let body = Voucher {
        amount: amount(micro),
        bytes,
        epoch: Epoch::new(1),
        lane: LaneNumber::new(0),
        payee: key(node),
    };
    What::Voucher(Signed::sign(&secret(gateway), &NETWORK, body))
}

/// Hours that prepayments of the tests are for until now.
pub(crate) const PREPAID_HOURS: u64 = 2000;

/// The last hour that has passed.
pub(crate) const THIS_HOUR: u64 = NOW.get() / 3600;

pub(crate) fn prepayment(payer: u8, auditor: u8, micro: u64, price: u64, withheld: u32) -> (BudgetRef, What) {
    let id = PaymentId::from_bytes([payer; 16]);
    let body = Prepayment {
        amount: amount(micro),
        auditor: key(auditor),
        id,
        issued: UnixSeconds::new((THIS_HOUR - PREPAID_HOURS) * 3600),
        price: amount(price),
        until: NOW.plus(86_400),
        withheld: ppm(withheld),
    };
    (BudgetRef { id, payer: key(payer) }, What::Prepayment(Signed::sign(&secret(payer), &NETWORK, body)))
}

/// That a node has kept so many bytes from one hour to another, and lost so many shards.
pub(crate) fn report(
    auditor: u8,
    node: u8,
    prepayment: BudgetRef,
    hours: [u64; 2],
    bytes: u64,
    lost: u64,
) -> What {
    let [from, to] = hours;
    let transcript = Digest::of(b"transcript");
    let body = StorageReport { bytes, from, issued: NOW, lost, node: key(node), prepayment, to, transcript };
    What::Report(Signed::sign(&secret(auditor), &NETWORK, body))
}

pub(crate) fn offer(seller: u8, agreement: AgreementId, price: u64, resale: Option<u32>) -> (Digest, What) {
    let body = Offer {
        agreement,
        issued: NOW,
        licence: Digest::of(b"licence"),
        price: amount(price),
        resale: resale.map(ppm),
        sample: None,
        term: 3600,
        until: NOW.plus(86_400),
    };
    let record = Signed::sign(&secret(seller), &NETWORK, body);
    (record.name(), What::Offer(record))
}

pub(crate) fn purchase(buyer: u8, offer: Digest, id: u8) -> (Digest, What) {
    let body = Purchase { id: PaymentId::from_bytes([id; 16]), issued: NOW, offer };
    let record = Signed::sign(&secret(buyer), &NETWORK, body);
    (record.name(), What::Purchase(record))
}

pub(crate) fn delivery(seller: u8, purchase: Digest, key: &[u8]) -> What {
    let body = KeyDelivery { issued: NOW, purchase, sealed: Digest::of(key) };
    What::Delivery(Signed::sign(&secret(seller), &NETWORK, body))
}

pub(crate) fn transfer(from: u8, to: u8, licence: Digest, number: u32, price: u64) -> What {
    let body = LicenceTransfer { issued: NOW, licence, number, price: amount(price), to: key(to) };
    let transfer = Signed::sign(&secret(from), &NETWORK, body);
    let acceptance = accepted(to, &transfer);
    What::Transfer(Box::new(Transferred { acceptance, transfer }))
}

/// All that these keys have together, whatever it is there for.
pub(crate) fn wealth(world: &World, owners: &[u8]) -> i128 {
    let balances = world.ledger.balances();
    let of = |owner: &u8| {
        let owner = key(*owner);
        [Account::Funds(owner), Account::Reserved(owner), Account::Earned(owner), Account::Held(owner)]
            .map(|account| balances.of(account))
    };
    owners.iter().flat_map(of).sum()
}
