//! A viewer and a creator who use a ledger for as long as it lives, and what it has said to them must be so for ever.

#![allow(dead_code, reason = "each test program uses its own part")]

use ledger::{Account, Deposit, Entry, Inquired, Ledger, PaymentId, PayoutClaim, Rail, What};
use ledger_service::Store;
use protocol::{Amount, Digest, Epoch, Promise, Record, SecretKey, SessionGrant, Signed};
use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::running::{
    AT_LEDGER, CREATOR, TOKEN, VIEWER, agreed, deposit, http, inquiry, list, now, receipt, request, secret,
    terms,
};

/// What each deposit brings, and what each grant may cost.
const DEPOSIT: u64 = 1_000_000;
const CHARGE: u64 = 100_000;
/// What is settled together, in deposits.
const OF_AN_EPOCH: u64 = 4;

/// What the ledger has said, which must be so for ever.
#[derive(Default)]
pub(crate) struct Said {
    deposits: u64,
    promised: Vec<Digest>,
    grants: Vec<Signed<SessionGrant>>,
    settled: Vec<(u64, Value)>,
    paid: u64,
}

/// A ledger at an address, which answers for as long as it lives.
struct Talk<'a> {
    http: Client,
    url: &'a str,
}

impl Said {
    /// How many epochs the ledger has said that it has settled.
    pub(crate) fn epochs(&self) -> usize {
        self.settled.len()
    }

    /// Deposits, grants, receipts, settlements and payments, one after the other, until the ledger answers no more.
    pub(crate) async fn talk(&mut self, url: &str) {
        let talk = Talk { http: http(), url };
        let _known = talk.post("/v1/agreements", agreed(1, 2).encode()).await;
        while self.step(&talk).await.is_some() {}
    }

    /// `None` where an answer did not come.
    async fn step(&mut self, talk: &Talk<'_>) -> Option<()> {
        let number = self.deposits + 1;
        let money = numbered(number);
        talk.post("/v1/deposits", list(&[money.encode()])).await?;
        self.deposits = number;
        self.promised.push(money.name());
        let key = SecretKey::from_bytes(&number.to_le_bytes().repeat(4).try_into().unwrap());
        let mut asked = request(VIEWER, agreed(1, 2).agreement.id(), CHARGE, 1).into_body();
        asked.session = key.public();
        asked.epoch = Epoch::new(talk.terms().await?["open_epoch"].as_u64().unwrap());
        let asked = Signed::sign(&secret(VIEWER), &AT_LEDGER, asked);
        let grant = talk.post("/v1/grants", asked.encode()).await?;
        let grant = Signed::<SessionGrant>::decode(&grant, &AT_LEDGER).unwrap();
        self.grants.push(grant.clone());
        self.promised.push(talk.record(&receipt(grant.body(), &key, 1, 1000)).await?);
        if number.is_multiple_of(OF_AN_EPOCH) {
            let epoch = grant.body().epoch.get();
            self.settled.push((epoch, talk.settle(epoch).await?));
            self.claim(talk).await?;
        }
        Some(())
    }

    /// The creator is paid out, when something is owed.
    async fn claim(&mut self, talk: &Talk<'_>) -> Option<()> {
        let inquiry = Signed::sign(&secret(CREATOR), &AT_LEDGER, inquiry(Inquired::Balance));
        let balance = talk.post("/v1/inquiries", inquiry.encode()).await?;
        let balance: Value = serde_json::from_slice(&balance).unwrap();
        let (earned, paid) = (micro(&balance["earned"]), micro(&balance["paid"]));
        assert!(paid >= self.paid, "nothing that was paid is paid again");
        if earned > 0 {
            let cumulative = Amount::new(earned + paid).unwrap();
            let claim = PayoutClaim { cumulative, issued: now(), rail: Rail::Bank, remark: None };
            self.promised.push(talk.record(&Signed::sign(&secret(CREATOR), &AT_LEDGER, claim)).await?);
            self.paid = cumulative.get();
        }
        Some(())
    }

    /// What was settled is settled so; a second time changes nothing.
    pub(crate) async fn check_settlements(&self, url: &str) {
        let talk = Talk { http: http(), url };
        for (epoch, settled) in &self.settled {
            assert_eq!(talk.settle(*epoch).await.as_ref(), Some(settled));
        }
    }

    /// Whoever plays the journal again finds everything that was said, and the same sum on all accounts.
    pub(crate) async fn check_journal(&self, store: &mut impl Store) {
        let (mut ledger, mut names, mut deposits) = (Ledger::new(terms()), Vec::new(), 0_u64);
        loop {
            let entries = store.read(ledger.head().count).await.unwrap();
            if entries.is_empty() {
                break;
            }
            for bytes in entries {
                let entry = Entry::decode(&bytes, &AT_LEDGER).unwrap();
                deposits += u64::from(matches!(entry.what, What::Deposit(_)));
                names.extend(name(&entry.what));
                ledger.apply(&entry).unwrap();
            }
        }
        for name in &self.promised {
            assert_eq!(names.iter().filter(|known| *known == name).count(), 1, "promised, and once");
        }
        // A deposit whose answer was cut off may be there: then it was asked for again under the same name.
        assert!(deposits == self.deposits || deposits == self.deposits + 1);
        let paid = ledger.paid(&secret(CREATOR).public()).get();
        assert!(paid >= self.paid);
        let outside = i128::from(paid) - i128::from(deposits * DEPOSIT);
        assert_eq!(ledger.balances().of(Account::External), outside, "what came in and was not paid out");
        for grant in &self.grants {
            let is_settled = ledger.settled(grant.body().epoch).is_some();
            assert!(is_settled || ledger.grant_of(&grant.body().serial) == Some(grant.body()));
        }
    }
}

impl Talk<'_> {
    /// The answer; `None` when there is none, or when the journal cannot be written.
    async fn post(&self, path: &str, body: Vec<u8>) -> Option<Vec<u8>> {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(TOKEN).body(body);
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let bytes = answer.bytes().await.ok()?.to_vec();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return None;
        }
        assert!(status.is_success(), "{path}: {}", String::from_utf8_lossy(&bytes));
        Some(bytes)
    }

    async fn terms(&self) -> Option<Value> {
        self.http.get(format!("{}/v1/terms", self.url)).send().await.ok()?.json().await.ok()
    }

    /// The name of a record that was taken.
    async fn record<T: Record>(&self, record: &Signed<T>) -> Option<Digest> {
        let promise = self.post("/v1/records", record.encode()).await?;
        Some(Signed::<Promise>::decode(&promise, &AT_LEDGER).unwrap().body().name)
    }

    async fn settle(&self, epoch: u64) -> Option<Value> {
        let settled = self.post(&format!("/v1/settle?epoch={epoch}&force=true"), Vec::new()).await?;
        Some(serde_json::from_slice(&settled).unwrap())
    }
}

/// The deposit of this number.
fn numbered(number: u64) -> Signed<Deposit> {
    let id = PaymentId::from_bytes(number.to_le_bytes().repeat(2).try_into().unwrap());
    let body = Deposit { id, ..deposit(VIEWER, DEPOSIT, 0).into_body() };
    Signed::sign(&secret(VIEWER), &AT_LEDGER, body)
}

fn name(what: &What) -> Option<Digest> {
    match what {
        What::Deposit(deposited) => Some(deposited.deposit.name()),
        What::Receipt(record) => Some(record.name()),
        What::Claim(record) => Some(record.name()),
        _ => None,
    }
}

/// An amount with six decimals.
fn micro(amount: &Value) -> u64 {
    amount.as_str().unwrap().replace('.', "").parse().unwrap()
}
