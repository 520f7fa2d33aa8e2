use stillglass_text::{Options, Tokenizer};

const MEGABYTE: usize = 1 << 20;

/// Four times the text costs about 4 times in linear time and 16 times in quadratic time.
const LIMIT: f64 = 9.0;

/// Other work on the machine only ever adds time (through caches, for what is measured is the thread's
/// own), so the least of a few rounds is compared: a linear tokenizer soon has a quiet round of each
/// size, a quadratic one never has.
const ROUNDS: usize = 12;

/// Rounds before the limit counts: one slow quarter, alone, would let a quadratic tokenizer through.
const LEAST_ROUNDS: usize = 3;

fn tokenizer() -> Tokenizer {
    let pieces = ["[UNK]", "a", "##a", "the", "market", "##s", ".", "上", "ᄀ"];
    let options = Options {
        lowercase: true,
        strip_accents: true,
        unknown: 0,
        separator: None,
    };
    Tokenizer::new(&pieces.map(String::from), options).unwrap()
}

fn seconds(tokenizer: &Tokenizer, text: &str, limit: usize) -> f64 {
    let begun = now();
    let encoding = tokenizer.encode(text, limit);
    let taken = now() - begun;
    assert!(encoding.ids.len() <= limit);
    taken
}

/// Seconds that this thread has computed: waiting for its turn on a busy machine does not count.
#[cfg(unix)]
fn now() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Seconds since the first call.
#[cfg(not(unix))]
fn now() -> f64 {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed().as_secs_f64()
}

/// `unit` repeated to `bytes` costs in proportion to a quarter of it.
fn assert_linear(unit: &str, bytes: usize, limit: usize) {
    let tokenizer = tokenizer();
    let quarter = unit.repeat(bytes / 4 / unit.len());
    let whole = quarter.repeat(4);
    assert_in_proportion(
        &format!("{bytes} bytes of {unit:?}"),
        || seconds(&tokenizer, &quarter, limit),
        || seconds(&tokenizer, &whole, limit),
    );
}

/// All of some work, in seconds, costs in proportion to a quarter of it.
fn assert_in_proportion(name: &str, quarter: impl Fn() -> f64, whole: impl Fn() -> f64) {
    // Pages and caches are cold only once.
    quarter();
    whole();
    let (mut least_quarter, mut least_whole) = (f64::INFINITY, f64::INFINITY);
    for round in 1..=ROUNDS {
        least_quarter = least_quarter.min(quarter());
        least_whole = least_whole.min(whole());
        if round >= LEAST_ROUNDS && least_whole < LIMIT * least_quarter {
            println!("{name}: {least_whole:.3} s");
            return;
        }
    }
    panic!("{name}: {least_quarter} s for a quarter, {least_whole} s for all");
}

#[test]
fn a_megabyte_costs_linear_time() {
    assert_linear("The markets rose a little. ", MEGABYTE, usize::MAX);
    assert_linear("The markets rose a little. ", MEGABYTE, 128);
    assert_linear("a", MEGABYTE, 128);
    assert_linear(".", MEGABYTE, 128);
}

#[test]
fn texts_made_to_be_slow_cost_linear_time() {
    let fails_at_its_end = format!("{}b ", "a".repeat(99));
    assert_linear(&fails_at_its_end, MEGABYTE / 16, 128);
    let stripped_marks = "\u{301}\u{323}";
    let kept_marks = "\u{302e}\u{1d16d}";
    let growing = "İ\u{1d15e}";
    for unit in [
        " ",
        "上海",
        "각",
        "\0\u{200d}",
        stripped_marks,
        kept_marks,
        growing,
    ] {
        assert_linear(unit, MEGABYTE / 4, 128);
    }
}

/// Pieces that differ only at their ends, and pieces that all begin with each other.
#[test]
fn vocabularies_made_to_be_slow_load_in_linear_time() {
    let alike: Vec<_> = (0..100_000).map(|i| format!("{:a>60}{i:06}", "")).collect();
    let nested: Vec<_> = (1..=2_000).map(|i| "a".repeat(i)).collect();
    let shuffled = |i: usize| alike[i * 7 % alike.len()].clone();
    let shuffled: Vec<_> = (0..alike.len()).map(shuffled).collect();
    // Bytes grow with the square of how many are nested.
    for (name, pieces, quarter) in [
        ("alike", &alike, 25_000),
        ("shuffled", &shuffled, 25_000),
        ("nested", &nested, 1_000),
    ] {
        let load = |pieces: &[String]| {
            let options = Options {
                lowercase: true,
                strip_accents: true,
                unknown: 0,
                separator: None,
            };
            let begun = now();
            Tokenizer::new(pieces, options).unwrap();
            now() - begun
        };
        assert_in_proportion(name, || load(&pieces[..quarter]), || load(pieces));
    }
}

/// Truncated or not, the report counts the whole text and the encoding keeps only what was asked.
#[test]
fn truncation_of_a_megabyte_counts_it_all() {
    let tokenizer = tokenizer();
    let text = "markets ".repeat(MEGABYTE / 8);
    let encoding = tokenizer.encode(&text, 3);
    assert_eq!(encoding.ids, [4, 5, 4]);
    assert_eq!(encoding.words.len(), 2);
    let truncated = encoding.truncated.unwrap();
    assert_eq!(truncated.tokens, 2 * text.len() / 8);
    assert_eq!((truncated.from.byte, truncated.from.utf16), (14, 14));
}
