//! A sorted map whose clones share what they have in common.

use std::borrow::Borrow;
use std::fmt;
use std::slice;
use std::sync::Arc;

/// Entries of one node; a change copies one node of each level.
const MAX_NODE_ENTRIES: usize = 64;

/// A sorted map that clones in constant time. A change after a clone copies only the path to the changed entry, so its
/// cost grows with the logarithm of the number of entries.
///
/// It is a B+ tree. Nodes that removals leave small are not merged, only removed once they are empty.
pub struct CowMap<K, V> {
    root: Option<Arc<Node<K, V>>>,
    len: usize,
}

enum Node<K, V> {
    Leaf(Vec<(K, V)>),
    Branch(Vec<Child<K, V>>),
}

struct Child<K, V> {
    /// A lower bound of its keys, which no key of the child before it reaches.
    bound: K,
    /// Entries in all its leaves.
    len: usize,
    node: Arc<Node<K, V>>,
}

impl<K, V> CowMap<K, V> {
    /// An empty map.
    pub const fn new() -> Self {
        Self { root: None, len: 0 }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the two are clones that have not been changed since.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        match (&self.root, &other.root) {
            (Some(root), Some(other)) => Arc::ptr_eq(root, other),
            (None, None) => true,
            _ => false,
        }
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        self.iter_from(|_| false)
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entries from the first key that is not before the wanted ones; `is_before` holds for a prefix of the keys.
    pub fn iter_from(&self, is_before: impl Fn(&K) -> bool) -> Iter<'_, K, V> {
        let mut iter = Iter {
            branches: Vec::new(),
            leaf: [].iter(),
        };
        let mut next = self.root.as_deref();
        while let Some(node) = next {
            match node {
                Node::Leaf(entries) => {
                    let start = entries.partition_point(|(key, _)| is_before(key));
                    iter.leaf = entries[start..].iter();
                    next = None;
                }
                Node::Branch(children) => {
                    let start = children.partition_point(|child| is_before(&child.bound));
                    let mut rest = children[start.saturating_sub(1)..].iter();
                    next = rest.next().map(|child| &*child.node);
                    iter.branches.push(rest);
                }
            }
        }
        iter
    }

    /// The entries after the first `count` ones, which are not visited.
    pub fn iter_after(&self, mut count: usize) -> Iter<'_, K, V> {
        let mut iter = Iter {
            branches: Vec::new(),
            leaf: [].iter(),
        };
        let mut next = self.root.as_deref();
        while let Some(node) = next {
            match node {
                Node::Leaf(entries) => {
                    iter.leaf = entries.get(count..).unwrap_or_default().iter();
                    next = None;
                }
                Node::Branch(children) => {
                    let mut rest = children.iter();
                    next = rest
                        .find(|child| {
                            let is_reached = count < child.len;
                            if !is_reached {
                                count -= child.len;
                            }
                            is_reached
                        })
                        .map(|child| &*child.node);
                    iter.branches.push(rest);
                }
            }
        }
        iter
    }
}

impl<K: Ord, V> CowMap<K, V> {
    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let mut node = self.root.as_deref()?;
        loop {
            match node {
                Node::Leaf(entries) => {
                    let place = search(entries, key).ok()?;
                    return Some(&entries[place].1);
                }
                Node::Branch(children) => node = &children[child_of(children, key)].node,
            }
        }
    }

    /// Whether there is an entry with this key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }
}

impl<K: Ord + Clone, V: Clone> CowMap<K, V> {
    /// The value of a key, to be changed in this map alone.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if !self.contains_key(key) {
            return None;
        }
        let mut node = Arc::make_mut(self.root.as_mut()?);
        loop {
            match node {
                Node::Leaf(entries) => {
                    let place = search(entries, key).ok()?;
                    return Some(&mut entries[place].1);
                }
                Node::Branch(children) => {
                    let place = child_of(children, key);
                    node = Arc::make_mut(&mut children[place].node);
                }
            }
        }
    }

    /// Sets the value of a key; returns the value it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let Some(root) = &mut self.root else {
            self.root = Some(Arc::new(Node::Leaf(vec![(key, value)])));
            self.len = 1;
            return None;
        };
        let (replaced, split) = Arc::make_mut(root).insert(key, value);
        if let Some(right) = split
            && let Some(bound) = root.first_key().cloned()
        {
            let left = Child {
                bound,
                len: root.len(),
                node: root.clone(),
            };
            *root = Arc::new(Node::Branch(vec![left, right]));
        }
        self.len += usize::from(replaced.is_none());
        replaced
    }

    /// Removes an entry; returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if !self.contains_key(key) {
            return None;
        }
        let root = self.root.as_mut()?;
        let removed = Arc::make_mut(root).remove(key);
        self.len -= usize::from(removed.is_some());
        if self.len == 0 {
            self.root = None;
            return removed;
        }
        while let Node::Branch(children) = &**root
            && let [only] = &children[..]
        {
            *root = only.node.clone();
        }
        removed
    }
}

/// The right half of a node that was full.
type Split<K, V> = Option<Child<K, V>>;

impl<K: Ord + Clone, V: Clone> Node<K, V> {
    fn insert(&mut self, key: K, value: V) -> (Option<V>, Split<K, V>) {
        match self {
            Self::Leaf(entries) => match search(entries, &key) {
                Ok(place) => (Some(std::mem::replace(&mut entries[place].1, value)), None),
                Err(place) => {
                    entries.insert(place, (key, value));
                    let split = split_off(entries, place).map(|right| Child {
                        bound: right[0].0.clone(),
                        len: right.len(),
                        node: Arc::new(Self::Leaf(right)),
                    });
                    (None, split)
                }
            },
            Self::Branch(children) => {
                let place = child_of(children, &key);
                let child = &mut children[place];
                if key < child.bound {
                    child.bound = key.clone();
                }
                let (replaced, split) = Arc::make_mut(&mut child.node).insert(key, value);
                child.len += usize::from(replaced.is_none());
                let split = split.and_then(|right| {
                    children[place].len -= right.len;
                    children.insert(place + 1, right);
                    split_off(children, place + 1)
                });
                let split = split.map(|right| Child {
                    bound: right[0].bound.clone(),
                    len: len_of(&right),
                    node: Arc::new(Self::Branch(right)),
                });
                (replaced, split)
            }
        }
    }

    fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::Leaf(entries) => {
                let place = search(entries, key).ok()?;
                Some(entries.remove(place).1)
            }
            Self::Branch(children) => {
                let place = child_of(children, key);
                let child = &mut children[place];
                let removed = Arc::make_mut(&mut child.node).remove(key);
                child.len -= usize::from(removed.is_some());
                if child.len == 0 {
                    children.remove(place);
                }
                removed
            }
        }
    }
}

impl<K, V> Node<K, V> {
    fn len(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.len(),
            Self::Branch(children) => len_of(children),
        }
    }

    fn first_key(&self) -> Option<&K> {
        match self {
            Self::Leaf(entries) => entries.first().map(|(key, _)| key),
            Self::Branch(children) => children.first().map(|child| &child.bound),
        }
    }
}

/// Entries in all leaves of these children.
fn len_of<K, V>(children: &[Child<K, V>]) -> usize {
    children.iter().map(|child| child.len).sum()
}

fn search<K: Borrow<Q>, V, Q: Ord + ?Sized>(entries: &[(K, V)], key: &Q) -> Result<usize, usize> {
    entries.binary_search_by(|(known, _)| key.cmp(known.borrow()).reverse())
}

/// The place of the child that has this key, if any has.
fn child_of<K: Borrow<Q>, V, Q: Ord + ?Sized>(children: &[Child<K, V>], key: &Q) -> usize {
    let after = children.partition_point(|child| key.cmp(child.bound.borrow()).is_ge());
    after.saturating_sub(1)
}

/// Takes the right half off a node that has too many entries; after an insertion at the end only the new entry, so that
/// keys that rise leave full nodes.
fn split_off<T>(entries: &mut Vec<T>, inserted: usize) -> Option<Vec<T>> {
    if entries.len() <= MAX_NODE_ENTRIES {
        return None;
    }
    let at = if inserted + 1 == entries.len() {
        inserted
    } else {
        entries.len() / 2
    };
    Some(entries.split_off(at))
}

impl<K: Clone, V: Clone> Clone for Node<K, V> {
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(entries) => Self::Leaf(entries.clone()),
            Self::Branch(children) => Self::Branch(children.clone()),
        }
    }
}

impl<K: Clone, V> Clone for Child<K, V> {
    fn clone(&self) -> Self {
        Self {
            bound: self.bound.clone(),
            len: self.len,
            node: self.node.clone(),
        }
    }
}

impl<K, V> Clone for CowMap<K, V> {
    fn clone(&self) -> Self {
        Self {
            root: self.root.clone(),
            len: self.len,
        }
    }
}

impl<K, V> Default for CowMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for CowMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'a, K, V> IntoIterator for &'a CowMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

type Children<'a, K, V> = slice::Iter<'a, Child<K, V>>;

/// The entries of a [`CowMap`] in the order of their keys.
pub struct Iter<'a, K, V> {
    /// The children yet to be visited, of each level above the leaf.
    branches: Vec<Children<'a, K, V>>,
    leaf: slice::Iter<'a, (K, V)>,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.leaf.next() {
                return Some((key, value));
            }
            let Some(child) = self.branches.last_mut()?.next() else {
                self.branches.pop();
                continue;
            };
            match &*child.node {
                Node::Leaf(entries) => self.leaf = entries.iter(),
                Node::Branch(children) => self.branches.push(children.iter()),
            }
        }
    }
}

#[cfg(test)]
#[path = "cow_map_tests.rs"]
mod tests;
