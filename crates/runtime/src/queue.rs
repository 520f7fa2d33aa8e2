//! One call at a time, in the order they came.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Calls waiting for their turn.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Tickets in order; the first has its turn.
    waiting: RefCell<VecDeque<(u64, Option<Waker>)>>,
    tickets: Cell<u64>,
}

/// A place in the queue, given up when dropped; ready when it is the first.
pub(crate) struct Turn<'a> {
    queue: &'a Queue,
    ticket: u64,
}

impl Queue {
    /// A place at the end.
    pub(crate) fn turn(&self) -> Turn<'_> {
        let ticket = self.tickets.get();
        self.tickets.set(ticket + 1);
        self.waiting.borrow_mut().push_back((ticket, None));
        Turn {
            queue: self,
            ticket,
        }
    }
}

impl Future for &Turn<'_> {
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut Context) -> Poll<()> {
        let mut waiting = self.queue.waiting.borrow_mut();
        if waiting.front().is_some_and(|first| first.0 == self.ticket) {
            return Poll::Ready(());
        }
        let mine = waiting.iter_mut().find(|place| place.0 == self.ticket);
        if let Some(mine) = mine {
            mine.1 = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting.borrow_mut();
        waiting.retain(|place| place.0 != self.ticket);
        let next = waiting.front_mut().and_then(|first| first.1.take());
        drop(waiting);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(turn: &Turn) -> Poll<()> {
        let mut turn = turn;
        Pin::new(&mut turn).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_first_has_its_turn_and_then_the_next() {
        let queue = Queue::default();
        let [first, second, third] = [queue.turn(), queue.turn(), queue.turn()];
        assert!(poll(&third).is_pending() && poll(&second).is_pending());
        assert!(poll(&first).is_ready());
        drop(first);
        assert!(poll(&third).is_pending() && poll(&second).is_ready());
        drop(second);
        assert!(poll(&third).is_ready());
    }

    #[test]
    fn who_leaves_holds_nobody_up() {
        let queue = Queue::default();
        let [first, second, third] = [queue.turn(), queue.turn(), queue.turn()];
        drop(second);
        assert!(poll(&third).is_pending());
        drop(first);
        assert!(poll(&third).is_ready());
        drop(third);
        assert!(queue.waiting.borrow().is_empty());
    }
}
