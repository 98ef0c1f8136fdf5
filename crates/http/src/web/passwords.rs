//! Names and passwords against bcrypt hashes, which take long to check on purpose.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;
use ring::digest::{Context, SHA256};

use crate::Secret;

/// Checks passwords, one at a time, and remembers what came out.
#[derive(Debug, Default)]
pub(crate) struct Passwords {
    known: Mutex<Known>,
    /// Held while a hash is computed: it takes a whole core.
    busy: tokio::sync::Mutex<()>,
}

/// A name, a hash and a password, as one digest: no password stays in memory.
type Attempt = [u8; 32];

#[derive(Debug, Default)]
struct Known {
    /// What was right last, by user: wrong guesses push nobody out.
    good: BTreeMap<String, Attempt>,
    bad: VecDeque<Attempt>,
}

impl Passwords {
    /// Returns whether `user` has this password. An unknown one takes as long as a known one.
    pub(crate) async fn check(
        &self,
        users: &BTreeMap<String, Secret>,
        user: &str,
        password: &str,
    ) -> bool {
        let known_user = users.get(user);
        let hash = known_user.map_or(DUMMY_HASH, Secret::expose);
        let attempt = digest(user, hash, password);
        if let Some(right) = self.remembered(user, &attempt) {
            return right;
        }
        let _busy = self.busy.lock().await;
        if let Some(right) = self.remembered(user, &attempt) {
            return right;
        }
        let (hash, password) = (hash.to_owned(), password.to_owned());
        let check = move || bcrypt::verify(password, &hash).unwrap_or(false);
        let right = tokio::task::spawn_blocking(check).await.unwrap_or(false);
        let right = right && known_user.is_some();
        self.remember(user, attempt, right);
        right
    }

    fn remembered(&self, user: &str, attempt: &Attempt) -> Option<bool> {
        let known = self.known.lock();
        if known.good.get(user) == Some(attempt) {
            return Some(true);
        }
        known.bad.contains(attempt).then_some(false)
    }

    fn remember(&self, user: &str, attempt: Attempt, right: bool) {
        let mut known = self.known.lock();
        if right {
            known.good.insert(user.to_owned(), attempt);
            return;
        }
        if known.bad.len() == BAD_MAX {
            known.bad.pop_front();
        }
        known.bad.push_back(attempt);
    }
}

fn digest(user: &str, hash: &str, password: &str) -> Attempt {
    let mut context = Context::new(&SHA256);
    for part in [user, hash, password] {
        context.update(&part.len().to_le_bytes());
        context.update(part.as_bytes());
    }
    let mut attempt = [0; 32];
    attempt.copy_from_slice(context.finish().as_ref());
    attempt
}

/// How many wrong attempts are remembered.
const BAD_MAX: usize = 100;

/// The hash that the password of an unknown user is checked against, of the cost that most have.
const DUMMY_HASH: &str = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
