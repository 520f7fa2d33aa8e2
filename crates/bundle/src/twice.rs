//! Finding what stands twice in a list: tensor names, labels, vocabulary pieces.

use std::collections::BTreeMap;

/// A text that a list holds at two places.
pub(crate) struct Twice<'a> {
    pub(crate) text: &'a str,
    pub(crate) first: usize,
    pub(crate) second: usize,
}

/// The first text that stands in the list already.
///
/// A list in order is told by its neighbours. For any other a tree, because it is the smallest code that is fast on any
/// input: a hash map can be made slow by whoever knows its seed (on wasm it has none), and each sort adds ten kilobytes to
/// the module.
pub(crate) fn first_twice<'a>(list: impl Iterator<Item = &'a str> + Clone) -> Option<Twice<'a>> {
    if list.clone().zip(list.clone().skip(1)).all(|(a, b)| a < b) {
        return None;
    }
    let mut seen = BTreeMap::new();
    for (second, text) in list.enumerate() {
        if let Some(first) = seen.insert(text, second) {
            return Some(Twice {
                text,
                first,
                second,
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_two_is_found_in_any_order() {
        for (list, places) in [
            (&["a", "b", "b", "c"][..], Some((1, 2))),
            (&["b", "a", "c", "b"], Some((0, 3))),
            (&["a", "a"], Some((0, 1))),
            (&["a", "b", "c"], None),
            (&["c", "a", "b"], None),
            (&[], None),
        ] {
            let found = first_twice(list.iter().copied());
            let found = found.map(|twice| (twice.first, twice.second));
            assert_eq!(found, places, "{list:?}");
        }
    }
}
