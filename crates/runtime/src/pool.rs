//! Working memory that outlives a call, so that the next one allocates nothing.

use std::sync::{Mutex, PoisonError};

/// Values that are lent one at a time; as many are kept as were ever lent at once.
#[derive(Debug, Default)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T: Default> Pool<T> {
    /// Lends a value that an earlier call has given back, or a new one.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let mut lent = self.lock().pop().unwrap_or_default();
        let result = work(&mut lent);
        self.lock().push(lent);
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<T>> {
        // Nothing that can panic happens under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
