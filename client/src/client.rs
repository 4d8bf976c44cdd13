//! The client: one per program, cloned freely.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chunker::{Link, Manifest, SealedManifest};
use network::{Members, NetworkFile, Pool};
use proofs::Cid;
use protocol::{
    AcknowledgedAudit, AuditVerdict, Contact, DrawnAudit, Mandate, NetworkId, NodeStatus, PlannedAudit,
    Pointer, PublicKey, RevealError, SecretKey, Signed, Transcript, UnixSeconds, UnsignedTranscript,
};
use tokio::io::AsyncRead;

use crate::driver;
use crate::error::{FetchError, OpenObjectError, PutError, RefreshError, RepairError};
use crate::health::NodeHealth;
use crate::object::Object;
use crate::options::{ClientOptions, PutOptions, RepairAuthority};
use crate::paying::{Payer, Purse};
use crate::placement::Placement;
use crate::pointers::{PointerWrite, PointersRead};
use crate::report::{
    AuditReport, KeepReport, MissingPart, PutProgress, PutReport, Refreshed, ReleaseReport, RepairReport,
};
use crate::sealed_object::SealedObject;
use crate::tally::ReadTally;
use crate::throttle::Throttle;
use crate::wire::Wire;

/// How long a node may take to say how it is.
const STATUS_WITHIN: Duration = Duration::from_secs(4);

/// Puts, gets, audits and repairs objects on the nodes of one network. Clones share connections and memory.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) wire: Wire,
    pub(crate) options: ClientOptions,
    pub(crate) throttle: Throttle,
}

impl Client {
    /// A client of the nodes in `members`, which it reaches through `pool`.
    pub fn new(pool: Pool, members: Members, options: ClientOptions) -> Self {
        let throttle = Throttle::new(options.care_rate);
        Self { wire: Wire::new(pool, members), options, throttle }
    }

    /// The same client, paying nodes that sell what is read from them.
    #[must_use]
    pub fn paid_by(self, payer: Payer) -> Self {
        let wire = self.wire.with_purse(Purse::new(payer));
        wire.avoid_dear_nodes();
        Self { wire, ..self }
    }

    /// Pays all nodes for what was read from them since they were paid last; how many have taken a payment.
    pub async fn pay_nodes(&self) -> usize {
        self.wire.pay_all().await
    }

    /// The nodes that this client knows now.
    pub fn members(&self) -> Arc<Members> {
        self.wire.roster().view().members
    }

    /// Asks up to two of the known nodes whom they know, and takes in what is news: reads and puts that begin from now on
    /// go by it. Ends after `within` at the latest; fails when no node answered.
    pub async fn refresh_members(&self, within: Duration) -> Result<Refreshed, RefreshError> {
        driver::members::refresh(self, within).await
    }

    /// The same with nodes of which nothing is known yet but where to dial them: those of a ticket.
    pub async fn join(&self, contacts: &[Contact], within: Duration) -> Result<Refreshed, RefreshError> {
        driver::members::join(self, contacts.to_vec(), within).await
    }

    /// Writes the nodes that it knows now to a network file, in place of the one that was there.
    pub fn save_members(&self, path: &Path) -> io::Result<()> {
        NetworkFile::from(&*self.members()).save(path)
    }

    /// Connects to up to 64 of the known nodes, so that the first read neither dials nor waits for one that is down. Returns
    /// how many answered `within` this time; the others are asked last until they do.
    pub async fn meet_nodes(&self, within: Duration) -> usize {
        driver::meeting::meet(self, within).await
    }

    /// The network that it belongs to.
    pub fn network(&self) -> NetworkId {
        self.wire.pool().network()
    }

    /// What this client remembers of a node.
    pub fn health(&self, node: PublicKey) -> NodeHealth {
        let now = self.wire.now();
        self.wire.health().of(node, now)
    }

    /// What the reads of this client cost beyond what they asked for.
    pub fn read_tally(&self) -> ReadTally {
        self.wire.health().tally()
    }

    /// Bytes that audits and repairs of this client have read and sent so far, of an audit as much as it may take.
    pub fn care_traffic(&self) -> u64 {
        self.throttle.passed()
    }

    /// Bytes per second that they may read and send together; `None`: no limit.
    pub const fn care_rate(&self) -> Option<u64> {
        self.options.care_rate
    }

    /// How a node is, by its own word; the error is for people.
    pub async fn node_status(&self, node: PublicKey) -> Result<NodeStatus, String> {
        self.wire.status(node, STATUS_WITHIN).await.map_err(|error| error.to_string())
    }

    /// Puts an object: one pass over `reader`, with less than 256 MiB of memory whatever its length.
    ///
    /// `progress` is called after every block of about 1 MiB. When the future is dropped, or fails, what was leased
    /// is released.
    pub async fn put(
        &self,
        reader: impl AsyncRead + Send + Unpin,
        options: PutOptions,
        progress: impl FnMut(PutProgress) + Send,
    ) -> Result<PutReport, PutError> {
        // It is large, and so would everything be that waits for it.
        Box::pin(driver::put::put(self, reader, options, progress)).await
    }

    /// Puts an object that was sealed elsewhere: `reader` gives its cells in the order of their numbers, and nothing else. The mandate is by its
    /// control key, for the payer of this client; nodes keep the parts until it ends. Returns the manifest, its bytes, and what found no
    /// place. What a put that fails leaves at nodes ends with the mandate: only the owner could release it.
    pub async fn put_sealed(
        &self,
        reader: impl AsyncRead + Send + Unpin,
        sealed: SealedManifest,
        mandate: Signed<Mandate>,
    ) -> Result<(Manifest, Bytes, Vec<MissingPart>), PutError> {
        Box::pin(driver::put_sealed::put_sealed(self, reader, sealed, mandate)).await
    }

    /// The manifest at an address.
    pub async fn manifest(&self, cid: &Cid) -> Result<Manifest, FetchError> {
        Ok(self.manifest_bytes(cid).await?.0)
    }

    /// The object behind a link: manifest found, key checked against its commitment, header opened.
    pub async fn open(&self, link: &Link) -> Result<Object, OpenObjectError> {
        let manifest = self.manifest(&link.cid()).await?;
        Ok(Object::open(self.clone(), manifest, link.key())?)
    }

    /// The object at an address, without its key, and the bytes of its manifest.
    pub async fn sealed(&self, cid: &Cid) -> Result<(SealedObject, Bytes), FetchError> {
        let (manifest, bytes) = self.manifest_bytes(cid).await?;
        Ok((SealedObject::new(self.clone(), manifest), bytes))
    }

    /// The state of every part of an object, proved by one random leaf and the last one of each shard.
    pub async fn stat(&self, cid: &Cid) -> Result<AuditReport, FetchError> {
        self.audit(cid, 1).await
    }

    /// The state of every part of an object, proved by `leaves` (1 to 63) random leaves and the last one of each shard.
    pub async fn audit(&self, cid: &Cid, leaves: u32) -> Result<AuditReport, FetchError> {
        driver::audit::audit(self, cid, leaves).await
    }

    /// Has a node acknowledge an audit, before anything is drawn. Whatever comes instead of a receipt `within` this time
    /// ends the audit.
    pub async fn commit_audit(
        &self,
        audit: PlannedAudit,
        within: Duration,
    ) -> Result<AcknowledgedAudit, Box<UnsignedTranscript>> {
        driver::node_audit::commit(self, audit, within).await
    }

    /// Asks a node for what was drawn; its whole answer must come `within` this time.
    pub async fn run_audit(&self, audit: DrawnAudit, within: Duration) -> UnsignedTranscript {
        driver::node_audit::run(self, audit, within).await
    }

    /// [`Self::commit_audit`] for many nodes at the same time, in their order.
    pub async fn commit_audits(
        &self,
        audits: Vec<PlannedAudit>,
        within: Duration,
    ) -> Vec<Result<AcknowledgedAudit, Box<UnsignedTranscript>>> {
        driver::node_audit::commit_all(self, audits, within).await
    }

    /// [`Self::run_audit`] for many nodes in one window of time, in their order: none of them can borrow from another
    /// what that one has proved before.
    pub async fn run_audits(&self, audits: Vec<DrawnAudit>, within: Duration) -> Vec<UnsignedTranscript> {
        driver::node_audit::run_all(self, audits, within).await
    }

    /// Both steps for many nodes, where no beacon has to be waited for. Transcripts come in no particular order; those
    /// of nodes that acknowledged nothing come first.
    pub async fn audit_nodes(
        &self,
        auditor: &SecretKey,
        audits: Vec<PlannedAudit>,
        within: Duration,
    ) -> Result<Vec<Transcript>, RevealError> {
        driver::node_audit::audit_nodes(self, auditor, audits, within).await
    }

    /// Tells a node why it did not pass an audit; the error is for people.
    pub async fn send_verdict(&self, verdict: &Signed<AuditVerdict>) -> Result<(), String> {
        self.wire.send_verdict(verdict).await.map_err(|error| error.to_string())
    }

    /// Puts the lost parts of an object on other nodes, after checking that what is left is what the manifest says.
    pub async fn repair(&self, cid: &Cid, authority: &RepairAuthority) -> Result<RepairReport, RepairError> {
        driver::repair::repair(self, cid, authority).await
    }

    /// Ends the leases of an object at every node that may have a part of it. `control` is its control key.
    ///
    /// What a node confirms is that this lease has ended: not that the bytes are gone, nor that it never copied them.
    pub async fn release(&self, manifest: &Manifest, control: &SecretKey) -> ReleaseReport {
        driver::release::release(self, manifest, control).await
    }

    /// Has the nodes that keep this account's pointers keep a new version of one.
    pub async fn set_pointer(&self, pointer: &Signed<Pointer>) -> PointerWrite {
        driver::pointers::set(self, pointer).await
    }

    /// The pointers of an account. Once enough nodes have answered, the others have `patience` left.
    pub async fn pointers(&self, owner: PublicKey, patience: Duration) -> PointersRead {
        driver::pointers::read(self, owner, patience).await
    }

    /// Has the leases of an object hold until `until` at least: those that end earlier are renewed by `control`, its control
    /// key, at the expense of whoever has paid so far. Nothing is stored again.
    pub async fn keep(&self, manifest: &Manifest, control: &SecretKey, until: UnixSeconds) -> KeepReport {
        driver::keep::keep(self, manifest, control, until).await
    }

    /// Where what is put goes, among the nodes that are known now.
    pub fn placement(&self) -> Arc<Placement> {
        self.wire.roster().view().placement
    }

    pub(crate) async fn manifest_bytes(&self, cid: &Cid) -> Result<(Manifest, Bytes), FetchError> {
        let bytes = driver::fetch::fetch(self, cid).await?;
        let manifest =
            Manifest::decode(&bytes).map_err(|source| FetchError::Invalid { cid: *cid, source })?;
        Ok((manifest, bytes))
    }
}
