//! Every request does what it says.

use proofs::{Challenge, LeafSet, Root, ShardLen};
use protocol::{
    BoundedList, Code, Lease, Pointer, PointerValue, Request, Response, SecretKey, Sequence, Slot,
};
use storage_node::AdmissionPolicy;

use crate::house::{DAY, House, NETWORK, mandate, now, payer, refusal, secret, sign};

#[tokio::test]
async fn shards_are_put_read_proved_and_fetched() {
    let house = House::new().await;
    let client = house.client().await;
    for (seed, len) in [1, 1024, 16_384, 65_536, 65_537, 300_000, 1 << 20, 3_000_001].into_iter().enumerate()
    {
        let body = crate::house::bytes(len, u8::try_from(seed).unwrap());
        let root = Root::of(&body);
        let lease = client.put(&body, 1, 30).await.unwrap();
        assert_eq!((lease.root(), lease.len().get()), (root, len as u64));
        assert_eq!((lease.control(), lease.payer()), (secret(1).public(), payer().public()));
        assert_eq!(client.read_all(&body).await.unwrap(), body);

        let shard_len = ShardLen::new(len as u64).unwrap();
        let last = shard_len.leaves() - 1;
        let part = client
            .read(root, LeafSet::of_bytes(shard_len, u64::from(last) * 1024..len as u64).unwrap())
            .await
            .unwrap();
        assert_eq!(part, body[last as usize * 1024..]);

        let challenge = Challenge::draw(root, shard_len, [7; 32], 4).unwrap();
        let mut exchange =
            client.peer.request(&Request::Prove { challenge: challenge.clone() }).await.unwrap();
        assert_eq!(exchange.response().await.unwrap(), Response::Proof);
        challenge.verify(&exchange.receiving.rest(1 << 20).await.unwrap()).unwrap();

        let mut exchange = client.peer.request(&Request::Fetch { root }).await.unwrap();
        if len <= 1 << 20 {
            assert!(
                matches!(exchange.response().await.unwrap(), Response::Whole { len: whole } if whole.get() == len as u64)
            );
            assert_eq!(exchange.receiving.rest(len).await.unwrap(), body);
        } else {
            assert_eq!(refusal(exchange.response().await), Code::BadRequest);
        }
    }
    let stats = house.node.stats();
    assert_eq!((stats.shards, stats.leases_signed, stats.proofs, stats.corrupt), (8, 8, 8, 0));
}

#[tokio::test]
async fn what_is_not_held_is_said_so() {
    let house = House::new().await;
    let client = house.client().await;
    let body = crate::house::bytes(50_000, 1);
    assert_eq!(refusal(client.read_all(&body).await), Code::NotHeld);
    client.put(&body, 1, 30).await.unwrap();
    let other_len = LeafSet::whole(ShardLen::new(49_999).unwrap());
    assert_eq!(refusal(client.read(Root::of(&body), other_len).await), Code::NotHeld);
    let unknown = Request::Fetch { root: Root::of(b"unknown") };
    assert_eq!(refusal(client.peer.ask(&unknown).await), Code::NotHeld);

    let roots = BoundedList::new(vec![Root::of(b"unknown"), Root::of(&body)]).unwrap();
    for (control, is_held) in [(1, true), (2, false)] {
        let stat = Request::Stat { roots: roots.clone(), control: secret(control).public() };
        let Response::Held { shards } = client.peer.ask(&stat).await.unwrap() else { panic!("held") };
        assert_eq!((shards[0], shards[1].is_some()), (None, is_held));
    }
}

#[tokio::test]
async fn leases_are_extended_renewed_and_released() {
    let house = House::new().await;
    let client = house.client().await;
    for len in [5000, 200_000] {
        let body = crate::house::bytes(len, 3);
        let first = client.put(&body, 1, 30).await.unwrap();
        let again = client.put(&body, 1, 60).await.unwrap();
        assert_eq!((again.id(), again.seq()), (first.id(), first.seq().next()));
        let other = client.put(&body, 2, 30).await.unwrap();
        let renewed = client.renew(&again, 1, &house.node, 10).await.unwrap();
        assert_eq!(renewed.expires(), again.expires().plus(10 * DAY));
        assert_eq!(refusal(client.renew(&again, 1, &house.node, 10).await), Code::Stale);
        assert_eq!(refusal(client.renew(&renewed, 3, &house.node, 10).await), Code::BadSignature);
        assert_eq!(refusal(client.renew(&renewed, 1, &house.node, 400).await), Code::Expired);

        assert_eq!(refusal(client.release(&renewed, 2, &house.node).await), Code::UnknownLease);
        check_end(&client.release(&renewed, 1, &house.node).await.unwrap(), &renewed, &house);
        assert_eq!(client.read_all(&body).await.unwrap(), body);
        check_end(&client.release(&other, 2, &house.node).await.unwrap(), &other, &house);
        assert_eq!(refusal(client.read_all(&body).await), Code::NotHeld);
    }
    assert!(house.files("shards").is_empty() && house.files("tmp").is_empty());
}

/// The node has signed that this lease has ended, and no other.
fn check_end(answer: &Response, lease: &Lease, house: &House) {
    let Response::Released { end } = answer else { panic!("{answer:?}") };
    let end = end.verify(&NETWORK).unwrap();
    let body = end.body();
    assert_eq!((end.by(), body.id, body.root), (house.node.id(), lease.id(), lease.root()));
    assert_eq!((body.control, body.seq), (lease.control(), lease.seq().next()));
}

#[tokio::test]
async fn pointers_are_kept_and_given_to_anyone() {
    let house = House::new().await;
    let client = house.client().await;
    let pointer = |seq, value: &[u8]| {
        let value = PointerValue::new(value.to_vec()).unwrap();
        sign(5, Pointer { expires: now().plus(DAY), seq: Sequence::new(seq), slot: Slot::new(3), value })
    };
    let set = |pointer| Request::SetPointer { pointer };
    assert_eq!(client.peer.ask(&set(pointer(1, b"one"))).await.unwrap(), Response::PointerKept);
    assert_eq!(client.peer.ask(&set(pointer(2, b"two"))).await.unwrap(), Response::PointerKept);
    assert_eq!(refusal(client.peer.ask(&set(pointer(1, b"one"))).await), Code::Stale);
    let reader = house.client_of(None).await;
    assert_eq!(refusal(reader.peer.ask(&set(pointer(3, b"three"))).await), Code::NotAdmitted);
    let get = Request::GetPointers { owner: secret(5).public() };
    let Response::Pointers { records } = reader.peer.ask(&get).await.unwrap() else { panic!("pointers") };
    assert_eq!(records.into_vec(), vec![pointer(2, b"two")]);
}

#[tokio::test]
async fn status_tells_what_there_is() {
    let house = House::new().await;
    let client = house.client().await;
    client.put(&crate::house::bytes(100_000, 1), 1, 30).await.unwrap();
    let Response::Status(status) = client.peer.ask(&Request::Status).await.unwrap() else { panic!("status") };
    assert_eq!((status.shards, status.capacity), (1, 1 << 30));
    assert!((100_000..110_000).contains(&status.stored));
}

#[tokio::test]
async fn only_admitted_payers_with_a_mandate_of_their_own_may_put() {
    let house = House::new().await;
    let body = crate::house::bytes(2000, 1);
    let len = ShardLen::new(2000).unwrap();
    let (soon, hours) = (now().plus(DAY), u64::MAX);
    let stranger = house.client_of(Some(secret(66))).await;
    let refused = stranger.put_as(&body, len, soon, mandate(&secret(1), &secret(66), hours)).await;
    assert_eq!(refusal(refused), Code::NotAdmitted);
    let nobody = house.client_of(None).await;
    assert_eq!(refusal(nobody.put(&body, 1, 1).await), Code::NotAdmitted);

    let client = house.client().await;
    let of_another = mandate(&secret(1), &secret(66), hours);
    assert_eq!(refusal(client.put_as(&body, len, soon, of_another).await), Code::NotAdmitted);
    let small = mandate(&secret(1), &payer(), 1999);
    assert_eq!(refusal(client.put_as(&body, len, soon, small).await), Code::MandateSpent);
    let good = || mandate(&secret(1), &payer(), hours);
    assert_eq!(refusal(client.put_as(&body, len, now(), good()).await), Code::Expired);
    assert_eq!(refusal(client.put_as(&body, len, now().plus(401 * DAY), good()).await), Code::Expired);
    let foreign =
        protocol::Unverified::from_bytes(sign(1, Sequenceless::body()).as_bytes().to_vec()).unwrap();
    assert_eq!(refusal(client.put_as(&body, len, soon, foreign).await), Code::BadSignature);
    assert!(house.files("packs").is_empty() && house.node.stats().shards == 0);
    client.put_as(&body, len, soon, good()).await.unwrap();
}

/// A record of another type where a mandate is expected.
struct Sequenceless;

impl Sequenceless {
    fn body() -> protocol::Admission {
        protocol::Admission { endpoint: secret(1).public(), expires: now().plus(DAY) }
    }
}

#[tokio::test]
async fn an_open_node_takes_from_every_payer() {
    let house = House::with(|config| config.admission = AdmissionPolicy::Open).await;
    let stranger = house.client_of(Some(secret(66))).await;
    let body = crate::house::bytes(2000, 1);
    let mandate = mandate(&secret(1), &secret(66), u64::MAX);
    stranger.put_as(&body, ShardLen::new(2000).unwrap(), now().plus(DAY), mandate).await.unwrap();
}

#[tokio::test]
async fn a_repair_is_claimed_by_one_holder_of_a_mandate_at_a_time() {
    let house = House::with(|config| config.admission = AdmissionPolicy::Open).await;
    let first = house.client().await;
    let claim = |by, holder: SecretKey, seconds| Request::Claim {
        subject: Root::of(b"a segment"),
        seconds,
        mandate: mandate(&secret(by), &holder, 1),
    };
    assert_eq!(first.peer.ask(&claim(1, payer(), 60)).await.unwrap(), Response::Claimed);
    assert_eq!(first.peer.ask(&claim(1, payer(), 60)).await.unwrap(), Response::Claimed);
    let other = house.client_of(Some(secret(9))).await;
    assert_eq!(refusal(other.peer.ask(&claim(1, secret(9), 60)).await), Code::Claimed);
    assert_eq!(refusal(other.peer.ask(&claim(1, payer(), 60)).await), Code::NotAdmitted);
    assert_eq!(other.peer.ask(&claim(2, secret(9), 60)).await.unwrap(), Response::Claimed);
    assert_eq!(first.peer.ask(&claim(1, payer(), 0)).await.unwrap(), Response::Claimed);
    assert_eq!(other.peer.ask(&claim(1, secret(9), 60)).await.unwrap(), Response::Claimed);
    let reader = house.client_of(None).await;
    assert_eq!(refusal(reader.peer.ask(&claim(1, payer(), 60)).await), Code::NotAdmitted);
}
