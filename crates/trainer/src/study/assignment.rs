//! Who rates which items: every item by enough raters, no rater the same text twice.

use anyhow::{Result, bail, ensure};
use rand::seq::SliceRandom;

use crate::training::generator;

/// Attempts to place the last items before giving up.
const ATTEMPTS: u64 = 200;

/// How many people rate how much.
#[derive(Debug, Clone, Copy)]
pub struct Design {
    /// Raters.
    pub raters: usize,
    /// Raters of each item, at least.
    pub per_item: usize,
    /// Items of each rater; none takes the fewest that suffice.
    pub load: Option<usize>,
}

/// For each rater the items, in the order in which they are shown. `items` has the text and the group of each item,
/// as indices. A rater meets each text once and the groups about equally often.
pub(super) fn assign(
    items: &[(usize, usize)],
    design: Design,
    seed: u64,
) -> Result<Vec<Vec<usize>>> {
    let Design {
        raters, per_item, ..
    } = design;
    let count =
        |of: &dyn Fn(&(usize, usize)) -> usize| items.iter().map(of).max().map_or(0, |m| m + 1);
    let (texts, groups) = (count(&|item| item.0), count(&|item| item.1));
    ensure!(raters > 0 && per_item > 0, "a study needs raters");
    ensure!(
        per_item <= raters,
        "{per_item} raters an item, but there are {raters}; give more with --raters"
    );
    let fewest = (items.len() * per_item).div_ceil(raters);
    let load = design.load.unwrap_or(fewest);
    ensure!(
        load >= fewest,
        "{} items by {per_item} raters each are {fewest} for each of {raters} raters, not {load}; raise --load or \
         --raters, or take fewer texts with --rows",
        items.len()
    );
    ensure!(
        load <= texts,
        "each of {raters} raters would rate {load} items, but there are {texts} texts, and nobody is to see one twice; \
         give more raters with --raters, or more texts with --rows"
    );
    for attempt in 0..ATTEMPTS {
        let most = (texts, groups, load);
        if let Some(seats) = attempt_once(items, design, most, seed, attempt) {
            return Ok(seats);
        }
    }
    bail!("no assignment was found in {ATTEMPTS} attempts; raise --load or --raters by one")
}

/// Deals the items that have the fewest raters first, among equals at random; none where an item got too few.
fn attempt_once(
    items: &[(usize, usize)],
    design: Design,
    (texts, groups, load): (usize, usize, usize),
    seed: u64,
    attempt: u64,
) -> Option<Vec<Vec<usize>>> {
    let mut rng = generator(seed, "raters' items", attempt);
    let mut rated = vec![0usize; items.len()];
    let mut seats = Vec::with_capacity(design.raters);
    for _ in 0..design.raters {
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.shuffle(&mut rng);
        order.sort_by_key(|&item| rated[item]);
        let (mut seen, mut of_group) = (vec![false; texts], vec![0; groups]);
        let room = load.div_ceil(groups.max(1));
        let mut own: Vec<usize> = Vec::with_capacity(load);
        // First with the groups in balance, then with whatever text is left.
        for balanced in [true, false] {
            for &item in &order {
                let (text, group) = items[item];
                if own.len() < load && !seen[text] && (!balanced || of_group[group] < room) {
                    seen[text] = true;
                    of_group[group] += 1;
                    own.push(item);
                }
            }
        }
        for &item in &own {
            rated[item] += 1;
        }
        own.shuffle(&mut rng);
        seats.push(own);
    }
    let enough = rated.iter().all(|raters| *raters >= design.per_item);
    enough.then_some(seats)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items(texts: usize, groups: usize) -> Vec<(usize, usize)> {
        (0..texts * groups)
            .map(|i| (i / groups, i % groups))
            .collect()
    }

    proptest! {
        #[test]
        fn every_item_is_rated_enough_and_no_text_twice(
            texts in 1usize..20, groups in 1usize..5, raters in 1usize..40, per_item in 1usize..5, seed in 0u64..9,
        ) {
            let items = items(texts, groups);
            let design = Design { raters, per_item, load: None };
            let Ok(seats) = assign(&items, design, seed) else {
                let fewest = (items.len() * per_item).div_ceil(raters);
                // Where all texts must be seen by all, the last places may not fit.
                prop_assert!(per_item > raters || fewest + 1 >= texts, "{} of {}", fewest, texts);
                return Ok(());
            };
            let mut rated = vec![0; items.len()];
            for seat in &seats {
                let mut seen = vec![false; texts];
                for &item in seat {
                    prop_assert!(!std::mem::replace(&mut seen[items[item].0], true));
                    rated[item] += 1;
                }
            }
            prop_assert!(rated.iter().all(|n| *n >= per_item));
        }
    }

    #[test]
    fn groups_are_in_balance_for_each_rater() {
        let items = items(30, 3);
        let design = Design {
            raters: 12,
            per_item: 2,
            load: Some(15),
        };
        for seat in assign(&items, design, 1).unwrap() {
            let of = |group| seat.iter().filter(|&&item| items[item].1 == group).count();
            assert_eq!([of(0), of(1), of(2)], [5, 5, 5]);
        }
    }

    #[test]
    fn what_cannot_be_is_said_with_the_way_out() {
        let says = |raters, per_item, load| {
            let design = Design {
                raters,
                per_item,
                load,
            };
            assign(&items(4, 2), design, 0).unwrap_err().to_string()
        };
        assert!(says(2, 3, None).contains("--raters"));
        assert!(says(4, 3, None).contains("nobody is to see one twice"));
        assert!(says(8, 3, Some(1)).contains("raise --load"));
        assert!(says(0, 3, None).contains("needs raters"));
    }
}
