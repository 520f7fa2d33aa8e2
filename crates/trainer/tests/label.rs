//! What the cache of labels promises: asking again gives the same bits, whatever was asked between.

use std::path::Path;

use stillglass::artefact::Cache;
use stillglass::device;
use stillglass::label::Labeller;
use stillglass::progress::Progress;
use stillglass::recipe::LabelSection;
use stillglass::teacher::{Frozen, Head, Teacher};
use stillglass_text::{Options, Tokenizer};

const SHORT: &str = "the mill rose";
const LONG: &str =
    "the harbour fell early again in winter with heavy rain while nobody knows more or less";

#[test]
fn a_text_keeps_its_label_when_another_list_holds_it_too() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert");
    let teacher = Teacher::load(&fixture, Head::Own, &device::open("cpu").unwrap()).unwrap();
    let options = Options {
        lowercase: true,
        strip_accents: true,
        unknown: 0,
        separator: None,
    };
    let words = Tokenizer::new(&["[UNK]".into()], options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (path, section) = (folder.path().join("labels.cache"), LabelSection::default());
    let (cache, _) = Cache::open(&path, &[0; 32]).unwrap();
    let frozen = Frozen::on_tensors(&teacher);
    let mut labeller = Labeller::new(cache, &frozen, &section, &words, 64);
    let progress = Progress::quiet();
    // Alone, and padded beside a longer text: in f32 sums of other lengths.
    let first = labeller.logits("one", &[SHORT], &progress).unwrap();
    let beside = labeller.logits("two", &[SHORT, LONG], &progress).unwrap();
    assert_eq!(labeller.logits("one", &[SHORT], &progress).unwrap(), first);
    assert_eq!(
        labeller.logits("two", &[SHORT, LONG], &progress).unwrap(),
        beside
    );
    assert_ne!(
        first[0], beside[0],
        "the lists share a record, or padding changes no bit"
    );
}
