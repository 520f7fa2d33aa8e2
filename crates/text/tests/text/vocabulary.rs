use stillglass_text::{Error, Options, Tokenizer, prune};

fn build(pieces: &[&str], unknown: u32) -> Result<Tokenizer, Error> {
    let options = Options {
        lowercase: true,
        strip_accents: true,
        unknown,
        separator: None,
    };
    let pieces: Vec<_> = pieces.iter().copied().map(String::from).collect();
    Tokenizer::new(&pieces, options)
}

#[test]
fn unknown_must_be_in_the_vocabulary() {
    for unknown in [2, 3, u32::MAX] {
        let error = build(&["[UNK]", "a"], unknown).unwrap_err();
        assert_eq!(error, Error::UnknownOutOfRange { unknown, size: 2 });
    }
    assert!(build(&[], 0).is_err());
    assert!(build(&["[UNK]", "a"], 1).is_ok());
}

#[test]
fn pieces_are_unique_and_not_empty() {
    let error = build(&["[UNK]", "a", "b", "a"], 0).unwrap_err();
    assert_eq!(
        error,
        Error::DuplicatePiece {
            piece: "a".to_owned(),
            first: 1,
            second: 3
        }
    );
    let message = error.to_string();
    assert!(
        message.contains("\"a\"") && message.contains("ids 1 and 3"),
        "{message}"
    );
    assert_eq!(
        build(&["[UNK]", "", "a"], 0).unwrap_err(),
        Error::EmptyPiece { id: 1 }
    );
    let pieces = ["[UNK]", "a", "a"].map(String::from);
    assert!(matches!(
        prune(&pieces, 0, |_| true),
        Err(Error::DuplicatePiece { .. })
    ));
    assert!(matches!(
        prune(&pieces, 3, |_| true),
        Err(Error::UnknownOutOfRange { .. })
    ));
}

/// Pieces that no word can equal are harmless: blanks, a bare `##`, a nameless unknown token.
#[test]
fn odd_pieces_do_no_harm() {
    let tokenizer = build(&["?", "##", " ", "a b", "\u{0}", "#"], 0).unwrap();
    assert_eq!(tokenizer.encode("a b ## ?x", 9).ids, [0, 0, 5, 5, 0, 0]);
}
