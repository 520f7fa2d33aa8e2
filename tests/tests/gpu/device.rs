//! What the device does when it cannot.

use stillglass_runtime::gpu::{Error, Gpu, Student};

use crate::made_up::{ODD, PLAIN, Sizes, bundle};
use crate::{gpu, wait, weights};

#[test]
fn a_lost_device_answers_with_an_error_and_a_new_one_works() {
    if gpu().is_none() {
        return;
    }
    let made = bundle(1, ODD, &PLAIN);
    let lost = wait(Gpu::request()).expect("a device");
    let student = wait(Student::load(&lost, weights(&made))).expect("room");
    lost.destroy();
    for _ in 0..3 {
        let answer = wait(student.forward(&lost, &[&[1, 2]]));
        assert!(matches!(answer, Err(Error::Lost(_))), "{answer:?}");
    }
    let fresh = wait(Gpu::request()).expect("another device");
    let student = wait(Student::load(&fresh, weights(&made))).expect("room");
    assert!(wait(student.forward(&fresh, &[&[1, 2]])).is_ok());
}

#[test]
fn too_large_a_call_is_refused_and_the_device_goes_on() {
    let Some(gpu) = gpu() else { return };
    let made = bundle(1, ODD, &PLAIN);
    let student = wait(Student::load(gpu, weights(&made))).expect("room");
    let long = vec![1; 70_000];
    let answer = wait(student.forward(gpu, &[&long]));
    assert!(
        matches!(answer, Err(Error::TooLarge { found: 70_000, .. })),
        "{answer:?}"
    );
    assert!(wait(student.forward(gpu, &[&[1]])).is_ok());
    assert!(student.most_tokens() < 70_000);
}

#[test]
fn a_student_too_wide_for_workgroup_memory_is_refused() {
    let Some(gpu) = gpu() else { return };
    let sizes = Sizes {
        embedding: 1,
        hidden: 681,
        attention: 1,
        labels: 2,
        max_tokens: 8,
    };
    let made = bundle(1, sizes, &PLAIN);
    let answer = wait(Student::load(gpu, weights(&made)));
    assert!(
        matches!(answer, Err(Error::TooLarge { found: 681, .. })),
        "{answer:?}"
    );
}
