//! Two texts as one.

/// What stands between the two texts of a pair: a control character, which no text for people needs, and which
/// a model of single texts drops like any other.
pub const SEPARATOR: char = '\u{1f}';

/// Two texts as a model of pairs reads them. A separator inside one of them becomes a blank.
pub fn pair(first: &str, second: &str) -> String {
    let mut joined = first.replace(SEPARATOR, " ");
    joined.push(SEPARATOR);
    joined.push_str(&second.replace(SEPARATOR, " "));
    joined
}

/// The two texts of a [`pair`]; of a single text, that alone.
pub fn halves(text: &str) -> (&str, Option<&str>) {
    match text.split_once(SEPARATOR) {
        Some((first, second)) => (first, Some(second)),
        None => (text, None),
    }
}

/// How many of each text's tokens are kept where there is room for so many: the longer text gives way until both are
/// equally long, then both do, as the strategy of that name of Hugging Face's `tokenizers`. So neither text
/// hides the other.
pub fn longest_first([first, second]: [usize; 2], room: usize) -> [usize; 2] {
    if first.saturating_add(second) <= room {
        return [first, second];
    }
    let shorter = first.min(second).min(room / 2);
    let longer = room - shorter;
    if first > second {
        [longer, shorter]
    } else {
        [shorter, longer]
    }
}

/// For each token of a pair whether its like stands in the other text; of a single text, or without a separator, none
/// does.
pub fn shared(ids: &[u32], separator: Option<u32>) -> impl Iterator<Item = bool> {
    let place = ids.iter().position(|id| Some(*id) == separator);
    let (first, second) = ids.split_at(place.unwrap_or(ids.len()));
    ids.iter().enumerate().map(move |(at, id)| match place {
        Some(place) if at < place => second[1..].contains(id),
        Some(place) if at > place => first.contains(id),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_shared_by_both_texts_or_not() {
        let of = |ids: &[u32]| shared(ids, Some(9)).collect::<Vec<bool>>();
        assert_eq!(
            of(&[1, 2, 9, 2, 3, 2]),
            [false, true, false, true, false, true]
        );
        assert_eq!(of(&[1, 1]), [false, false]);
        assert_eq!(of(&[9, 1]), [false, false]);
        // A second separator is a token like any other.
        assert_eq!(of(&[9, 9, 9]), [false, false, false]);
        assert_eq!(shared(&[1, 9, 1], None).filter(|s| *s).count(), 0);
    }

    #[test]
    fn the_longer_text_gives_way_first() {
        for (lengths, room, kept) in [
            ([3, 4], 7, [3, 4]),
            ([9, 2], 7, [5, 2]),
            ([2, 9], 7, [2, 5]),
            ([9, 8], 7, [4, 3]),
            ([8, 9], 7, [3, 4]),
            ([8, 8], 7, [3, 4]),
            ([9, 0], 7, [7, 0]),
            ([9, 9], 1, [0, 1]),
            ([9, 9], 0, [0, 0]),
        ] {
            assert_eq!(longest_first(lengths, room), kept, "{lengths:?} {room}");
        }
    }

    #[test]
    fn a_pair_comes_apart_where_it_was_joined() {
        let joined = pair("one\u{1f}two", "three\u{1f}");
        assert_eq!(halves(&joined), ("one two", Some("three ")));
        assert_eq!(halves("alone"), ("alone", None));
        assert_eq!(halves(&pair("", "")), ("", Some("")));
    }
}
