//! A recipe small enough to be run in tests.

use crate::Place;

const SUBJECTS: [&str; 5] = [
    "the mill",
    "this bakery",
    "the harbour",
    "old boats",
    "its rivals",
];
const TAILS: [&str; 4] = ["early", "again", "in winter", "with heavy rain"];

/// One row for each subject, verb and tail, over three files without a text in common.
fn data(place: &Place) {
    let (mut train, mut validation, mut test) = (String::new(), String::new(), String::new());
    for (s, subject) in SUBJECTS.iter().enumerate() {
        for (t, tail) in TAILS.iter().enumerate() {
            for (verb, label) in [("rose", "up"), ("fell", "down")] {
                let row =
                    format!("{{\"text\":\"{subject} {verb} {tail}\",\"label\":\"{label}\"}}\n");
                match (s + t) % 5 {
                    0 => validation.push_str(&row),
                    1 => test.push_str(&row),
                    _ => train.push_str(&row),
                }
            }
        }
    }
    place.file("train.jsonl", train);
    place.file("validation.jsonl", validation);
    place.file("test.jsonl", test);
}

/// `tiny.toml`, a run of a second or two.
pub(crate) fn recipe(place: &Place) {
    data(place);
    let base = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/bert");
    let text = format!(
        "name = \"tiny\"\n\
         [data]\ntrain = \"train.jsonl\"\nvalidation = \"validation.jsonl\"\ntest = \"test.jsonl\"\n\
         [teacher]\nbase = {base:?}\nmax_tokens = 24\nepochs = 1\nbatch = 8\n\
         [label]\nnodes = 2\n[transfer]\nvariants = 1\n\
         [student]\nembedding = 6\nhidden = 5\nattention = 4\n\
         [distill]\nepochs = 1\nbatch = 8\n[card]\nname = \"Tiny\"\n"
    );
    place.file("tiny.toml", text);
}
