//! The map against a `BTreeMap`, and what a change copies.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn rising(count: u32) -> CowMap<u32, Arc<u32>> {
    let mut map = CowMap::new();
    for key in 0..count {
        map.insert(key, Arc::new(key));
    }
    map
}

/// How many values a node holds that two maps do not share: each is held once more than before.
fn copied(map: &CowMap<u32, Arc<u32>>) -> usize {
    map.values().filter(|v| Arc::strong_count(v) > 1).count()
}

#[test]
fn a_change_copies_one_leaf_however_many_entries_there_are() {
    for count in [100, 1_000, 100_000] {
        let before = rising(count);
        let mut after = before.clone();
        assert_eq!(copied(&before), 0);
        after.insert(count / 2, Arc::new(0));
        assert!(copied(&before) < MAX_NODE_ENTRIES, "{count}");
        after.remove(&(count / 2 + 1));
        *after.get_mut(&(count / 2 + 2)).unwrap() = Arc::new(1);
        assert!(copied(&before) < 2 * MAX_NODE_ENTRIES, "{count}");
        assert_eq!(**before.get(&(count / 2)).unwrap(), count / 2);
        assert_eq!(
            (before.len(), after.len()),
            (count as usize, count as usize - 1)
        );
    }
}

#[test]
fn a_change_of_an_absent_key_copies_nothing() {
    let before = rising(1_000);
    let mut after = before.clone();
    assert_eq!(after.remove(&5_000), None);
    assert!(after.get_mut(&5_000).is_none());
    assert_eq!(copied(&before), 0);
}

#[test]
fn rising_keys_fill_their_nodes() {
    let map = rising(6_400);
    let Some(Node::Branch(children)) = map.root.as_deref() else {
        panic!("one node");
    };
    let Node::Branch(leaves) = &*children[0].node else {
        panic!("no third level");
    };
    assert!(leaves.iter().all(|leaf| match &*leaf.node {
        Node::Leaf(entries) => entries.len() == MAX_NODE_ENTRIES,
        Node::Branch(_) => false,
    }));
}

#[derive(Debug, Clone)]
enum Change {
    Insert(u16),
    Remove(u16),
    Replace(u16),
    /// Go on with a clone, and keep the map as it is.
    Clone,
}

fn any_change() -> impl Strategy<Value = Change> {
    // Few enough keys that they meet, and enough for three levels.
    let key = 0..6_000_u16;
    prop_oneof![
        6 => key.clone().prop_map(Change::Insert),
        3 => key.clone().prop_map(Change::Remove),
        1 => key.prop_map(Change::Replace),
        1 => Just(Change::Clone),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn it_holds_what_a_btree_map_holds(
        descending in any::<bool>(),
        start in 0..5_000_u16,
        changes in proptest::collection::vec(any_change(), 0..600),
    ) {
        let (mut map, mut model) = (CowMap::new(), BTreeMap::new());
        for key in 0..start {
            let key = if descending { start - key } else { key };
            map.insert(key, 0);
            model.insert(key, 0);
        }
        let mut kept = Vec::new();
        for (change, value) in changes.into_iter().zip(1..) {
            match change {
                Change::Insert(key) => {
                    prop_assert_eq!(map.insert(key, value), model.insert(key, value));
                }
                Change::Remove(key) => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                Change::Replace(key) => {
                    let (ours, theirs) = (map.get_mut(&key), model.get_mut(&key));
                    prop_assert_eq!(ours.is_some(), theirs.is_some());
                    if let (Some(ours), Some(theirs)) = (ours, theirs) {
                        (*ours, *theirs) = (value, value);
                    }
                }
                Change::Clone => kept.push((map.clone(), model.clone())),
            }
        }
        kept.push((map, model));
        for (map, model) in &kept {
            prop_assert_eq!(map.len(), model.len());
            prop_assert!(map.iter().eq(model.iter()));
            for count in [0, 1, 63, 64, 65, 4_095, 4_999, 9_999] {
                prop_assert!(map.iter_after(count).eq(model.iter().skip(count)));
            }
            for key in [0, 1, 63, 64, 65, 4_095, 5_000, 9_999] {
                prop_assert_eq!(map.get(&key), model.get(&key));
                prop_assert!(map.iter_from(|known| *known < key).eq(model.range(key..)));
            }
        }
    }

    #[test]
    fn it_can_be_emptied(keys in proptest::collection::btree_set(0..10_000_u16, 0..500)) {
        let mut map = CowMap::new();
        for key in &keys {
            map.insert(*key, ());
        }
        for key in &keys {
            prop_assert_eq!(map.remove(key), Some(()));
        }
        prop_assert!(map.is_empty() && map.iter().next().is_none());
    }
}
