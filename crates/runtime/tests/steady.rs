//! The student at rest: what a model that has read much allocates, and whether it remembers anything.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use stillglass_bundle::Bundle;
use stillglass_runtime::Model;

/// Counts what is asked for.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does all the work, with the arguments as they came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn model() -> Model {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../web/models/finance.glass"
    );
    let bundle = Bundle::read(&std::fs::read(path).unwrap()).unwrap();
    Model::new(bundle).unwrap()
}

/// Texts of made-up tokens, some of them in all texts.
fn texts(count: u32, pieces: u32) -> impl Iterator<Item = Vec<u32>> {
    (0..count).map(move |text| {
        let token =
            |i: u32| (text * 37 + i * i * 11) % if i.is_multiple_of(3) { 50 } else { pieces };
        (0..text % 90).map(token).collect()
    })
}

/// Eight threads at once get what a model that does nothing else answers.
fn threads(used: &Model, pieces: u32) {
    let fresh = model();
    let want: Vec<_> = texts(40, pieces)
        .map(|ids| fresh.classify_ids(&ids).unwrap())
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for (ids, want) in texts(40, pieces).zip(&want) {
                    assert_eq!(used.classify_ids(&ids).unwrap(), *want);
                }
            });
        }
    });
}

/// One test, for nobody else may allocate meanwhile.
#[test]
fn a_model_that_has_read_much_answers_as_a_new_one_and_allocates_the_answer_alone() {
    let used = model();
    let pieces = used.bundle().vocabulary.len() as u32;
    // Far more different tokens than are kept.
    for ids in texts(600, pieces) {
        used.classify_ids(&ids).unwrap();
    }
    for ids in texts(12, pieces).chain([vec![7; 90]]) {
        let fresh = model().classify_ids(&ids).unwrap();
        assert_eq!(used.classify_ids(&ids).unwrap(), fresh, "{ids:?}");
    }
    threads(&used, pieces);
    let all: Vec<_> = texts(200, pieces).collect();
    // Each thread's memory is kept; from now on one of them is used.
    for ids in &all {
        used.classify_ids(ids).unwrap();
    }
    for ids in &all {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let logits = used.classify_ids(ids).unwrap();
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert_eq!(allocations, 1, "{} tokens, {logits:?}", ids.len());
    }
}
