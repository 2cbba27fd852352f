//! Names, each with the packet that said it first.
//!
//! A sorted list: nearly every row has one name or none, there are tens of thousands of rows, and a tree takes a node with room for eleven.

use super::flow::Named;
use crate::ground::moment::Moment;

/// Names in order, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Vec<(Named, Moment)>);

impl Names {
    /// Where the name was said first, if it is listed.
    pub fn get_mut(&mut self, named: &Named) -> Option<&mut Moment> {
        let place = self.place(named).ok()?;
        self.0.get_mut(place).map(|(_, at)| at)
    }

    /// Lists a name; one that is listed stays as it is.
    pub fn insert(&mut self, named: Named, at: Moment) {
        if let Err(place) = self.place(&named) {
            if self.0.is_empty() {
                self.0.reserve_exact(1);
            }
            self.0.insert(place, (named, at));
        }
    }

    /// Lists a name; of one that is listed the earlier packet stays.
    pub fn say(&mut self, named: Named, at: Moment) {
        match self.get_mut(&named) {
            Some(first) => *first = (*first).min(at),
            None => self.insert(named, at),
        }
    }

    /// True if it is listed.
    pub fn contains(&self, named: &Named) -> bool {
        self.place(named).is_ok()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True for none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Named, &Moment)> {
        self.0.iter().map(|(named, at)| (named, at))
    }

    /// The names alone, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Named> {
        self.0.iter().map(|(named, _)| named)
    }

    fn place(&self, named: &Named) -> Result<usize, usize> {
        self.0.binary_search_by(|(have, _)| have.cmp(named))
    }
}

impl IntoIterator for Names {
    type Item = (Named, Moment);
    type IntoIter = std::vec::IntoIter<(Named, Moment)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(Named, Moment)> for Names {
    fn from_iter<I: IntoIterator<Item = (Named, Moment)>>(of: I) -> Self {
        let mut names = Self::default();
        for (named, at) in of {
            names.insert(named, at);
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::flow::NameSource;
    use crate::ground::moment::{FrameRef, Timestamp};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// A tree of the same names, in the same order.
        #[test]
        fn names_are_in_order_and_each_is_listed_once(
            said in prop::collection::vec((0u8..6, any::<bool>()), 0..40),
        ) {
            let mut names = Names::default();
            let mut tree = BTreeMap::new();
            for (frame, (name, dns)) in (0..).zip(said) {
                let source = if dns { NameSource::Dns } else { NameSource::TlsSni };
                let named = Named { name: format!("{name}.example").into(), source };
                let at = Moment {
                    time: Timestamp::UNKNOWN,
                    at: FrameRef { input: 0, frame },
                };
                names.insert(named.clone(), at);
                let listed = names.get_mut(&named).copied();
                prop_assert_eq!(listed, Some(*tree.entry(named).or_insert(at)));
            }
            prop_assert_eq!(names.len(), tree.len());
            prop_assert_eq!(names.is_empty(), tree.is_empty());
            prop_assert!(names.iter().eq(tree.iter()));
            prop_assert_eq!(tree.into_iter().collect::<Names>(), names);
        }
    }
}
