use std::net::IpAddr;

use sonnette::domain::TokenId;

use super::*;

fn network(last: u8) -> ClientKey {
    ClientKey::Network(IpAddr::from([192, 0, 2, last]))
}

#[test]
fn the_oldest_idle_connection_is_evicted() {
    let table = ConnectionTable::new(3, 3);
    let first = table.admit(Some(network(1))).unwrap();
    let second = table.admit(Some(network(2))).unwrap();
    let third = table.admit(Some(network(3))).unwrap();
    first.connection.set_busy();
    first.set_idle();
    third.connection.set_busy();
    let fourth = table.admit(Some(network(4))).unwrap();
    assert_eq!(fourth.connection.refusal(), None);
    assert!(second.connection.is_evicted());
    assert!(!first.connection.is_evicted() && !third.connection.is_evicted());
}

#[test]
fn a_share_of_the_idle_connections_is_evicted_at_once() {
    let table = ConnectionTable::new(4_096, 1_024);
    let admit = |number: usize| {
        let [low, high, ..] = number.to_le_bytes();
        let network = ClientKey::Network(IpAddr::from([10, 0, high, low]));
        table.admit(Some(network)).unwrap()
    };
    let all: Vec<_> = (0..4_096).map(admit).collect();
    let further = table.admit(Some(network(1))).unwrap();
    assert_eq!(further.connection.refusal(), None);
    let evicted = all.iter().take_while(|guard| guard.connection.is_evicted());
    assert_eq!(evicted.count(), 32);
    assert!(all[32..].iter().all(|guard| !guard.connection.is_evicted()));
    drop(all);
    let of_one: Vec<_> = (0..1_024).map(|_| admit(1)).collect();
    assert_eq!(admit(1).connection.refusal(), None);
    let evicted = of_one
        .iter()
        .take_while(|guard| guard.connection.is_evicted());
    assert_eq!(evicted.count(), 8);
    assert!(
        of_one[8..]
            .iter()
            .all(|guard| !guard.connection.is_evicted())
    );
}

#[test]
fn a_client_at_its_share_displaces_only_itself() {
    let table = ConnectionTable::new(10, 2);
    let other = table.admit(Some(network(2))).unwrap();
    let own = [
        table.admit(Some(network(1))).unwrap(),
        table.admit(Some(network(1))).unwrap(),
    ];
    let third = table.admit(Some(network(1))).unwrap();
    assert_eq!(third.connection.refusal(), None);
    assert!(own[0].connection.is_evicted());
    assert!(!own[1].connection.is_evicted() && !other.connection.is_evicted());
    own[1].connection.set_busy();
    third.connection.set_busy();
    let refused = table.admit(Some(network(1))).unwrap();
    assert_eq!(refused.connection.refusal(), Some(LimitExceeded::Client));
    assert_eq!(
        table.admit(Some(network(2))).unwrap().connection.refusal(),
        None
    );
}

#[test]
fn a_connection_that_waits_for_its_client_gives_way_if_none_is_idle() {
    let table = ConnectionTable::new(2, 2);
    let with_token = table.admit(Some(network(1))).unwrap();
    assert!(table.assign_client(&with_token.connection, ClientKey::Token(TokenId(1))));
    let without = table.admit(Some(network(2))).unwrap();
    for guard in [&with_token, &without] {
        guard.connection.set_busy();
    }
    let refused = table.admit(Some(network(3))).unwrap();
    assert_eq!(refused.connection.refusal(), Some(LimitExceeded::Total));
    with_token.set_blocked(true);
    without.set_blocked(true);
    let fourth = table.admit(Some(network(3))).unwrap();
    assert_eq!(fourth.connection.refusal(), None);
    assert!(without.connection.is_evicted() && !with_token.connection.is_evicted());
}

#[test]
fn reserved_connections_are_bounded() {
    let table = ConnectionTable::new(1, 1);
    let only = table.admit(Some(network(1))).unwrap();
    only.connection.set_busy();
    let reserved: Vec<_> = (0..RESERVED_CONNECTIONS)
        .map(|_| table.admit(Some(network(2))).unwrap())
        .collect();
    // The first of them is idle and gives way.
    let further = table.admit(Some(network(2))).unwrap();
    assert!(reserved[0].connection.is_evicted());
    further.connection.set_busy();
    for guard in &reserved {
        guard.connection.set_busy();
    }
    assert!(table.admit(Some(network(2))).is_none());
    drop((only, reserved, further));
    let open = table.open.lock();
    assert_eq!(
        (open.by_id.len(), open.by_client.len(), open.reserved),
        (0, 0, 0)
    );
}

#[test]
fn connections_are_counted_by_token_once_it_is_known() {
    let table = ConnectionTable::new(10, 1);
    let token = |id| ClientKey::Token(TokenId(id));
    let first = table.admit(Some(network(1))).unwrap();
    assert!(table.assign_client(&first.connection, token(1)));
    first.connection.set_busy();
    let second = table.admit(Some(network(1))).unwrap();
    assert_eq!(second.connection.refusal(), None);
    second.connection.set_busy();
    assert!(!table.assign_client(&second.connection, token(1)));
    assert!(table.assign_client(&second.connection, token(2)));
}
