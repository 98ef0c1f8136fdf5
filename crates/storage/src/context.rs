use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;

use crate::{ByteBudget, StorageError};

/// What must reach every phase of a query: interruption, the byte budget, and where warnings go.
///
/// It reads no clock. Whoever holds the deadline calls [`QueryContext::interrupt`] when it passes;
/// every phase calls [`QueryContext::check`] often, at least once in 65,536 samples.
#[derive(Debug)]
pub struct QueryContext {
    interrupt: AtomicU8,
    budget: ByteBudget,
    /// That of all queries together, if there is one.
    shared: Option<Arc<ByteBudget>>,
    warnings: Mutex<Vec<Box<str>>>,
}

/// Why a query was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// The caller does not want the answer any more.
    Canceled,
    /// The query's time is over.
    TimedOut,
}

impl fmt::Display for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Canceled => "query was canceled",
            Self::TimedOut => "query timed out",
        })
    }
}

impl Default for QueryContext {
    fn default() -> Self {
        Self::with_bytes_max(usize::MAX)
    }
}

impl QueryContext {
    /// Returns a context whose query may hold `bytes_max` bytes at a time.
    #[must_use]
    pub fn with_bytes_max(bytes_max: usize) -> Self {
        Self {
            interrupt: AtomicU8::new(RUNNING),
            budget: ByteBudget::new(bytes_max),
            shared: None,
            warnings: Mutex::new(Vec::new()),
        }
    }

    /// Returns a context whose query may hold `bytes_max` bytes at a time, and as many as others
    /// leave of `shared`.
    #[must_use]
    pub fn with_budgets(bytes_max: usize, shared: Arc<ByteBudget>) -> Self {
        let mut context = Self::with_bytes_max(bytes_max);
        context.shared = Some(shared);
        context
    }

    /// Tells the query to stop. The first reason stays.
    pub fn interrupt(&self, reason: Interrupt) {
        let code = match reason {
            Interrupt::Canceled => CANCELED,
            Interrupt::TimedOut => TIMED_OUT,
        };
        let _ =
            self.interrupt.compare_exchange(RUNNING, code, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Returns why the query was told to stop, if it was.
    #[must_use]
    pub fn interrupted(&self) -> Option<Interrupt> {
        match self.interrupt.load(Ordering::Relaxed) {
            CANCELED => Some(Interrupt::Canceled),
            TIMED_OUT => Some(Interrupt::TimedOut),
            _ => None,
        }
    }

    /// Fails once the query was told to stop.
    ///
    /// # Errors
    ///
    /// [`StorageError::Interrupted`].
    pub fn check(&self) -> Result<(), StorageError> {
        self.interrupted().map_or(Ok(()), |reason| Err(StorageError::Interrupted(reason)))
    }

    /// Takes `size_bytes` from the budget, before they are allocated.
    ///
    /// # Errors
    ///
    /// [`StorageError::BudgetExceeded`] or [`StorageError::SharedBudgetExceeded`], or
    /// [`StorageError::Interrupted`] once the query was told to stop; then nothing is taken.
    pub fn charge(&self, size_bytes: usize) -> Result<(), StorageError> {
        self.check()?;
        if !self.budget.take(size_bytes) {
            return Err(StorageError::BudgetExceeded { bytes_max: self.budget.bytes_max() });
        }
        if let Some(shared) = self.shared.as_ref().filter(|shared| !shared.take(size_bytes)) {
            self.budget.give_back(size_bytes);
            return Err(StorageError::SharedBudgetExceeded { bytes_max: shared.bytes_max() });
        }
        Ok(())
    }

    /// Gives `size_bytes` back to the budget.
    pub fn release(&self, size_bytes: usize) {
        self.budget.give_back(size_bytes);
        if let Some(shared) = &self.shared {
            shared.give_back(size_bytes);
        }
    }

    /// Returns how many bytes the query holds.
    #[must_use]
    pub fn bytes_used(&self) -> usize {
        self.budget.bytes_used()
    }

    /// Adds a warning to the answer. Equal texts appear once.
    pub fn warn(&self, text: impl Into<Box<str>>) {
        let text = text.into();
        let mut warnings = self.warnings.lock();
        if !warnings.contains(&text) {
            warnings.push(text);
        }
    }

    /// Returns the warnings so far, and forgets them.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<Box<str>> {
        std::mem::take(&mut self.warnings.lock())
    }
}

/// What the query still holds goes with it.
impl Drop for QueryContext {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.give_back(self.budget.bytes_used());
        }
    }
}

const RUNNING: u8 = 0;
const CANCELED: u8 = 1;
const TIMED_OUT: u8 = 2;
