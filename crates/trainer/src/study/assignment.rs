//! Who rates which items: every item by enough raters, no rater the same text twice.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use rand::seq::SliceRandom;

use crate::training::generator;

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
    Ok(dealt(items, (texts, groups), raters, load, seed))
}

/// Deals every rater so many items, of which there are no more than texts: text after text, each to the raters whose
/// turn it is, so that all have as many and none a text twice; within a text group after group, so that all groups
/// have as many, beginning with the one of which its raters have met least.
fn dealt(
    items: &[(usize, usize)],
    (texts, groups): (usize, usize),
    raters: usize,
    load: usize,
    seed: u64,
) -> Vec<Vec<usize>> {
    let mut rng = generator(seed, "raters' items", 0);
    let places: HashMap<(usize, usize), usize> = items
        .iter()
        .enumerate()
        .map(|(item, place)| (*place, item))
        .collect();
    let [mut order, mut turns] = [texts, raters].map(|count| (0..count).collect::<Vec<usize>>());
    order.shuffle(&mut rng);
    turns.shuffle(&mut rng);
    let mut seats = vec![Vec::with_capacity(load); raters];
    let mut met = vec![vec![0usize; groups]; raters];
    let all = raters * load;
    for (place, text) in order.into_iter().enumerate() {
        let turn = all * place / texts..all * (place + 1) / texts;
        let own: Vec<usize> = turn.map(|turn| turns[turn % raters]).collect();
        let group = |first: usize, index: usize| (first + index) % groups;
        let cost = |first: &usize| -> usize {
            let raters = own.iter().enumerate();
            raters
                .map(|(index, &rater)| met[rater][group(*first, index)])
                .sum()
        };
        let first = (0..groups).min_by_key(cost).unwrap_or(0);
        for (index, &rater) in own.iter().enumerate() {
            let group = group(first, index);
            met[rater][group] += 1;
            seats[rater].push(places[&(text, group)]);
        }
    }
    for seat in &mut seats {
        seat.shuffle(&mut rng);
    }
    seats
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
            let fewest = (items.len() * per_item).div_ceil(raters);
            let found = assign(&items, design, seed);
            prop_assert_eq!(found.is_ok(), per_item <= raters && fewest <= texts);
            let Ok(seats) = found else { return Ok(()) };
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
    fn nothing_to_spare_is_enough() {
        let design = Design {
            raters: 19,
            per_item: 4,
            load: None,
        };
        let seats = assign(&items(19, 4), design, 4).unwrap();
        assert!(seats.iter().all(|seat| seat.len() == 16));
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
