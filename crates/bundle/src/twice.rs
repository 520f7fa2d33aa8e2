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
/// A tree, because it is the smallest code that is fast on any input: a hash map can be made slow by
/// whoever knows its seed (on wasm it has none), and each sort adds ten kilobytes to the module.
pub(crate) fn first_twice<'a>(list: impl Iterator<Item = &'a str>) -> Option<Twice<'a>> {
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
