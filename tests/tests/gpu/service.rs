//! Whole calls: the same answers from either backend, whatever becomes of the device.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use stillglass_bundle::{Bundle, WeightFormat};
use stillglass_runtime::{
    Backend, Choice, Classification, Error, Host, Method, Model, Progress, Request, Service, Wait,
};

use crate::made_up::{Numbers, ODD, PLAIN, bundle, text};
use crate::made_up_teacher::{SHAPE, teacher};
use crate::student::furthest;
use crate::{gpu, wait};

/// What is granted between the backends, in probabilities.
const PROBABILITY: f32 = 1e-3;
/// The same rounding at every node, in logits.
const CONTRIBUTION: f32 = 1e-2;

/// Completeness error that is good enough, and as much again.
const NEAR: f32 = 0.1;

/// Surroundings with a clock of their own, that do something at one of the points where a call asks them.
struct Fake<'a> {
    clock: Cell<f64>,
    seen: RefCell<Vec<Progress>>,
    rests: Cell<usize>,
    points: Cell<usize>,
    at: usize,
    then: &'a dyn Fn(),
    broken: Cell<bool>,
}

impl<'a> Fake<'a> {
    fn at(at: usize, then: &'a dyn Fn()) -> Self {
        Self {
            clock: Cell::default(),
            seen: RefCell::default(),
            rests: Cell::default(),
            points: Cell::default(),
            at,
            then,
            broken: Cell::default(),
        }
    }

    fn new() -> Self {
        Self::at(usize::MAX, &|| {})
    }

    fn point(&self) {
        let point = self.points.get();
        self.points.set(point + 1);
        if point == self.at {
            (self.then)();
        }
    }
}

impl Host for Fake<'_> {
    /// A tenth of the time between rests.
    fn now(&self) -> f64 {
        self.point();
        self.clock.set(self.clock.get() + 3.0);
        self.clock.get()
    }

    fn after(&self, milliseconds: u32) -> Wait {
        self.point();
        if milliseconds > 0 {
            return Box::pin(std::future::pending());
        }
        self.rests.set(self.rests.get() + 1);
        Box::pin(std::future::ready(()))
    }

    fn watch(&self, progress: Progress) -> ControlFlow<()> {
        self.point();
        self.seen.borrow_mut().push(progress);
        if self.broken.get() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn service(bundle: &Bundle) -> Service {
    let bytes = bundle.write().expect("a valid bundle");
    let bundle = Bundle::read(&bytes).expect("what was written reads");
    Service::new(Model::new(bundle).expect("a tokenizer"))
}

/// A student and a teacher, and the methods of each.
fn both() -> [(Service, [Option<Method>; 3]); 2] {
    let own = [Method::Native, Method::IntegratedGradients];
    let methods = own.map(|own| [None, Some(own), Some(Method::Occlusion)]);
    let made = [
        bundle(1, ODD, &PLAIN),
        teacher(1, SHAPE, WeightFormat::Int8),
    ];
    let [student, teacher] = made.map(|bundle| service(&bundle));
    let [first, second] = methods;
    [(student, first), (teacher, second)]
}

fn texts(count: usize) -> Vec<String> {
    let mut numbers = Numbers(5);
    let mut texts: Vec<String> = (1..count).map(|_| text(&mut numbers, 20)).collect();
    texts.push(String::new());
    texts
}

fn ask(service: &Service, texts: &[String], request: Request) -> Vec<Classification> {
    ask_in(service, texts, request, &Fake::new()).expect("an answer")
}

fn ask_in(
    service: &Service,
    texts: &[String],
    request: Request,
    host: &Fake,
) -> Result<Vec<Classification>, Error> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    wait(service.run(&texts, request, host))
}

fn on(backend: Choice, explain: Option<Method>) -> Request {
    Request { explain, backend }
}

#[track_caller]
fn assert_same(found: &[Classification], want: &[Classification]) {
    assert_eq!(found.len(), want.len());
    for (found, want) in found.iter().zip(want) {
        assert_eq!(found.label, want.label);
        assert_eq!(found.tokens, want.tokens);
        let off = furthest(&found.probabilities, &want.probabilities);
        assert!(off <= PROBABILITY, "{off}");
        let (Some(found), Some(want)) = (&found.explanation, &want.explanation) else {
            assert_eq!(found.explanation.is_some(), want.explanation.is_some());
            continue;
        };
        assert_eq!(found.method, want.method);
        if found.nodes != want.nodes {
            // Rounding decides where the error is near what is good enough; then both must be.
            let error = found.completeness().max(want.completeness());
            assert!(
                error < NEAR,
                "{} and {} nodes: {error}",
                found.nodes,
                want.nodes
            );
            continue;
        }
        for (found, want) in found.words.iter().zip(&want.words) {
            assert_eq!(found.bytes, want.bytes);
            assert!(furthest(&found.weights, &want.weights) <= CONTRIBUTION);
        }
    }
}

#[test]
fn a_call_on_the_cpu_is_the_classic_one_and_shares_the_machine() {
    for (service, methods) in both() {
        let texts = texts(12);
        for explain in methods {
            let host = Fake::new();
            let found = ask_in(&service, &texts, on(Choice::Cpu, explain), &host);
            let plain: Vec<&str> = texts.iter().map(String::as_str).collect();
            let want = service.model().classify(&plain, explain).expect("answers");
            assert_eq!(found.expect("answers"), want);
            assert!(host.rests.get() > 0, "nobody else had a turn");
            let seen = host.seen.borrow();
            assert!(seen.iter().all(|p| p.done <= p.total), "{seen:?}");
        }
    }
}

#[test]
fn the_gpu_answers_as_the_cpu() {
    for (service, methods) in both() {
        let texts = texts(12);
        for explain in methods {
            let want = ask(&service, &texts, on(Choice::Cpu, explain));
            let found = ask(&service, &texts, on(Choice::Gpu, explain));
            assert_same(&found, &want);
            for answer in found {
                if gpu().is_some() {
                    assert_eq!((answer.backend, answer.reason), (Backend::Gpu, None));
                } else {
                    assert_eq!(answer.backend, Backend::Cpu);
                    assert!(answer.reason.expect("why").starts_with("no WebGPU here"));
                }
            }
        }
    }
}

#[test]
fn auto_measures_once_and_never_takes_software() {
    for (service, _) in both() {
        let texts = texts(2000);
        let short = ask(&service, &texts[..1], on(Choice::Auto, None));
        assert_eq!((short[0].backend, &short[0].reason), (Backend::Cpu, &None));
        assert_eq!(service.timing(), None, "a short call asks for no device");
        let found = ask(&service, &texts, on(Choice::Auto, None));
        let want = ask(&service, &texts, on(Choice::Cpu, None));
        assert_same(&found, &want);
        let reason = found[0].reason.as_deref();
        if service.timing().is_some() {
            assert_eq!(reason, None);
        } else {
            let reason = reason.expect("why");
            assert!(reason.contains("software") || reason.contains("no WebGPU"));
        }
        if gpu().is_some() {
            let asked = ask(&service, &texts[..1], on(Choice::Gpu, None));
            assert_eq!(asked[0].backend, Backend::Gpu, "who asks for it gets it");
        }
    }
}

/// Times that a call is lost at each point: `cargo xtask test --full` asks for more.
fn rounds() -> usize {
    if std::env::var_os("STILLGLASS_FULL").is_some() {
        20
    } else {
        1
    }
}

/// The device is destroyed at fifty points where a call asks its surroundings.
#[test]
fn a_device_lost_at_any_point_costs_no_answer() {
    if gpu().is_none() {
        return;
    }
    // A teacher takes long to load again: a few points must do.
    let plans = [(1, Method::Occlusion), (10, Method::IntegratedGradients)];
    for ((service, _), (step, method)) in both().iter().zip(plans) {
        let request = |backend| on(backend, Some(method));
        let texts = texts(8);
        let want = ask(service, &texts, request(Choice::Cpu));
        let release = || service.release_gpu();
        let mut lost = 0;
        let points = (0..rounds()).flat_map(|_| (0..50).step_by(step));
        for (time, point) in points.enumerate() {
            // Long after the rest that the last loss brought.
            let clock = 1e6 * time as f64;
            let host = Fake::new();
            host.clock.set(clock);
            let whole = ask_in(service, &texts, request(Choice::Gpu), &host).expect("answers");
            assert!(whole.iter().all(|answer| answer.backend == Backend::Gpu));
            let host = Fake::at(point, &release);
            host.clock.set(clock);
            let found = ask_in(service, &texts, request(Choice::Gpu), &host).expect("answers");
            assert!(host.points.get() > point, "the call is too short to be hit");
            assert_same(&found, &want);
            let mut reasons = found.iter().filter_map(|answer| answer.reason.as_ref());
            lost += usize::from(reasons.any(|reason| reason.contains("lost")));
        }
        assert!(lost > 25 / step * rounds(), "{lost} calls noticed");
    }
}

#[test]
fn a_lost_gpu_rests_and_is_tried_again() {
    if gpu().is_none() {
        return;
    }
    let service = service(&bundle(1, ODD, &PLAIN));
    let texts = texts(3);
    let request = on(Choice::Gpu, None);
    let at = |clock: f64| {
        let host = Fake::new();
        host.clock.set(clock);
        let answers = ask_in(&service, &texts, request, &host).expect("answers");
        answers[0].backend
    };
    assert_eq!(at(0.0), Backend::Gpu);
    let release = || service.release_gpu();
    // Point 5, counted from 0, is where the first batch is announced.
    let host = Fake::at(5, &release);
    let found = ask_in(&service, &texts, request, &host).expect("answers");
    assert_eq!(found[0].backend, Backend::Cpu);
    assert!(found[0].reason.as_deref().expect("why").contains("lost"));
    assert_eq!(at(1_000.0), Backend::Cpu, "it rests");
    assert_eq!(at(10_000.0), Backend::Gpu, "and is tried again");
}

#[test]
fn a_call_broken_off_before_its_turn_asks_for_no_gpu() {
    let service = service(&bundle(1, ODD, &PLAIN));
    let host = Fake::new();
    host.broken.set(true);
    let answer = ask_in(&service, &texts(3), on(Choice::Gpu, None), &host);
    assert!(matches!(answer, Err(Error::BrokenOff)), "{answer:?}");
    assert_eq!(host.seen.borrow().len(), 1);
    // A GPU would have been waited for, with a clock.
    assert_eq!(host.points.get(), 3, "now, now, watch");
}

#[test]
fn calls_answer_in_order_and_one_broken_off_stops_no_other() {
    let service = service(&teacher(1, SHAPE, WeightFormat::Int8));
    let (order, texts) = (RefCell::new(Vec::new()), ["the stock rose"]);
    let call = async |index: usize| {
        let host = Fake::new();
        host.broken.set(index % 3 == 1);
        let backend = [Choice::Cpu, Choice::Gpu][index % 2];
        let explain = Some(Method::IntegratedGradients);
        let answer = service.run(&texts, on(backend, explain), &host).await;
        let broken = matches!(answer, Err(Error::BrokenOff));
        assert_eq!(broken, index % 3 == 1);
        order.borrow_mut().push(index);
    };
    let mut calls: Vec<_> = (0..60).map(|index| Box::pin(call(index))).collect();
    wait(std::future::poll_fn(|context| {
        calls.retain_mut(|call| call.as_mut().poll(context).is_pending());
        if calls.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    }));
    assert_eq!(*order.borrow(), (0..60).collect::<Vec<_>>());
}
