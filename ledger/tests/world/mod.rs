//! A ledger with somebody in every role, for the tests.

#![allow(dead_code, reason = "every test uses a part of it")]

use ledger::{
    Agreed, AgreementId, AgreementParts, Alias, Allocation, Amount, Applied, ApplyError, Blind, Budget,
    BudgetRef, Consent, Delivered, DeliveryReceipt, Deposit, Entry, Epoch, Fees, Granted, Journal,
    LaneNumber, Ledger, Parent, Party, PaymentId, Per, Ppm, Price, Quantity, Role, Serial, SessionGrant,
    SessionRequest, SplitAgreement, StreamNumber, Terms, Transaction, Unit, Usage, Voucher, What,
};
use proofs::Cid;
use protocol::{BoundedList, NetworkId, PublicKey, SecretKey, Sequence, Signed, UnixSeconds};

pub const NETWORK: NetworkId = NetworkId::from_bytes([0x4e; 32]);
pub const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

pub const ISSUER: u8 = 250;
pub const TREASURY: u8 = 251;

pub fn secret(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

pub fn key(seed: u8) -> PublicKey {
    secret(seed).public()
}

pub fn amount(micro: u64) -> Amount {
    Amount::new(micro).unwrap()
}

pub fn ppm(share: u32) -> Ppm {
    Ppm::new(share).unwrap()
}

pub fn terms() -> Terms {
    Terms { issuer: key(ISSUER), network: NETWORK, treasury: key(TREASURY), unit: Unit::new("EUR").unwrap() }
}

/// What a test wants to be different about an agreement.
pub struct Title<'a> {
    pub content: u8,
    /// Parties by their seeds, with their shares; the first one is the creator.
    pub parties: &'a [(u8, u32)],
    pub parents: &'a [(AgreementId, u32)],
    pub fees: [u32; 3],
    pub micro: u64,
    pub of: u64,
    pub per: Per,
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
    pub fn parts(&self) -> AgreementParts {
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
pub struct Ask {
    pub viewer: u8,
    pub agreement: AgreementId,
    pub gateway: u8,
    pub budget: Option<BudgetRef>,
    pub charge: u64,
    pub limit: Usage,
    pub epoch: u64,
    /// Tells requests from each other; the session key follows from it.
    pub number: u8,
}

impl Ask {
    pub fn session(&self) -> SecretKey {
        SecretKey::from_bytes(&[self.number, self.viewer, 77, 77].repeat(8).try_into().unwrap())
    }

    pub fn request(&self) -> Signed<SessionRequest> {
        let body = SessionRequest {
            agreement: self.agreement,
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

    pub fn serial(&self) -> Serial {
        Serial::of(&key(self.viewer), self.request().body())
    }

    pub fn grant(&self) -> SessionGrant {
        let epoch = Epoch::new(self.epoch);
        SessionGrant {
            agreement: self.agreement,
            alias: Alias::of(&BLIND, &key(self.viewer), self.agreement, epoch),
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

    pub fn granted(&self) -> What {
        let grant = Signed::sign(&secret(ISSUER), &NETWORK, self.grant());
        What::Grant(Box::new(Granted { blind: BLIND, grant, request: self.request() }))
    }

    pub fn receipt(&self, stream: u8, seq: u64, usage: Usage) -> What {
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

pub const BLIND: Blind = Blind::from_bytes([5; 32]);

/// A ledger and the journal of what it took.
#[derive(Clone)]
pub struct World {
    pub ledger: Ledger,
    pub journal: Journal,
}

impl World {
    pub fn new() -> Self {
        Self { ledger: Ledger::new(terms()), journal: Journal::new(&terms()) }
    }

    pub fn apply(&mut self, what: What) -> Result<Applied, ApplyError> {
        let entry = Entry { at: NOW, what };
        let head = self.ledger.head();
        let applied = self.ledger.apply(&entry)?;
        if applied != Applied::Known {
            let after = self.journal.append_if(head, entry.encode()).unwrap();
            assert_eq!(after, self.ledger.head());
        }
        Ok(applied)
    }

    /// Applies what must be new, and gives what was posted.
    pub fn new_entry(&mut self, what: What) -> Option<Transaction> {
        match self.apply(what).unwrap() {
            Applied::New(transaction) => transaction,
            Applied::Known => panic!("it was known"),
        }
    }

    pub fn register(&mut self, title: &Title<'_>) -> AgreementId {
        let agreed = agreed(title.parts());
        let id = agreed.agreement.id();
        self.new_entry(What::Agreement(Box::new(agreed)));
        id
    }

    pub fn deposit(&mut self, owner: u8, micro: u64) {
        self.new_entry(deposit(owner, micro, owner));
    }

    pub fn settle(&mut self) -> ledger::Settlement {
        let settlement = self.ledger.settlement();
        self.new_entry(What::Settlement(Box::new(settlement.summary.clone())));
        settlement
    }
}

pub fn agreed(parts: AgreementParts) -> Agreed {
    let agreement = SplitAgreement::new(parts).unwrap();
    let seeds = (0..=255_u8).filter(|seed| agreement.signatories().contains(&key(*seed)));
    let consent = Consent { agreement: agreement.id(), issued: NOW };
    let consents = seeds.map(|seed| Signed::sign(&secret(seed), &NETWORK, consent)).collect();
    Agreed { agreement, consents }
}

pub fn deposit(owner: u8, micro: u64, id: u8) -> What {
    let unit = Unit::new("EUR").unwrap();
    let id = PaymentId::from_bytes([id; 16]);
    let body = Deposit { amount: amount(micro), id, remark: None, unit, issued: NOW };
    What::Deposit(Signed::sign(&secret(owner), &NETWORK, body))
}

pub fn budget(payer: u8, micro: u64, each: u64, whole: bool) -> (BudgetRef, What) {
    let id = PaymentId::from_bytes([payer; 16]);
    let body = Budget {
        amount: amount(micro),
        content: None,
        each: amount(each),
        epoch: Epoch::new(1),
        id,
        issued: NOW,
        whole,
    };
    let name = BudgetRef { id, payer: key(payer) };
    (name, What::Budget(Signed::sign(&secret(payer), &NETWORK, body)))
}

pub fn allocation(payer: u8, payee: u8, micro: u64) -> What {
    let body = Allocation {
        amount: amount(micro),
        epoch: Epoch::new(1),
        issued: NOW,
        lane: LaneNumber::new(0),
        payee: key(payee),
    };
    What::Allocation(Signed::sign(&secret(payer), &NETWORK, body))
}

pub fn voucher(payer: u8, payee: u8, bytes: u64, micro: u64) -> What {
    let body = Voucher {
        amount: amount(micro),
        bytes,
        epoch: Epoch::new(1),
        lane: LaneNumber::new(0),
        payee: key(payee),
    };
    What::Voucher(Signed::sign(&secret(payer), &NETWORK, body))
}
