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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_comes_apart_where_it_was_joined() {
        let joined = pair("one\u{1f}two", "three\u{1f}");
        assert_eq!(halves(&joined), ("one two", Some("three ")));
        assert_eq!(halves("alone"), ("alone", None));
        assert_eq!(halves(&pair("", "")), ("", Some("")));
    }
}
