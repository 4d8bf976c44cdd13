//! Lists whose length has a limit that holds while they are read, too.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A list of at most `MAX` items; decoding stops at the first one too many.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub struct BoundedList<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Default for BoundedList<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// A list has more items than its message may carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("list of {len} items, at most {max} are allowed")]
pub struct ListTooLong {
    len: usize,
    max: usize,
}

impl<T, const MAX: usize> BoundedList<T, MAX> {
    /// True when there are no items.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The list of these items.
    pub fn new(items: Vec<T>) -> Result<Self, ListTooLong> {
        if items.len() > MAX {
            return Err(ListTooLong { len: items.len(), max: MAX });
        }
        Ok(Self(items))
    }

    /// The items.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Deref for BoundedList<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for BoundedList<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemVisitor::<T, MAX>(PhantomData)).map(Self)
    }
}

struct ItemVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ItemVisitor<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::with_capacity(items.size_hint().unwrap_or(0).min(MAX));
        while let Some(item) = items.next_element()? {
            if list.len() == MAX {
                return Err(A::Error::invalid_length(MAX + 1, &self));
            }
            list.push(item);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type UpToThree = BoundedList<u8, 3>;

    #[test]
    fn a_list_of_the_longest_length_passes_and_a_longer_one_does_not() {
        assert_eq!(UpToThree::new(vec![1, 2, 3]).unwrap().into_vec(), [1, 2, 3]);
        assert_eq!(UpToThree::new(vec![0; 4]), Err(ListTooLong { len: 4, max: 3 }));
    }

    #[test]
    fn the_limit_holds_while_reading() {
        assert_eq!(postcard::from_bytes::<UpToThree>(&[3, 7, 8, 9]).unwrap().into_vec(), [7, 8, 9]);
        assert!(postcard::from_bytes::<UpToThree>(&[4, 7, 8, 9, 10]).is_err());
        // A length that no memory could hold costs nothing.
        assert!(postcard::from_bytes::<UpToThree>(&[0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
    }
}
