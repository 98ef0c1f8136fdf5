//! Faults that only a whole process can have, against the example server.
//!
//! Short by default; `docs/reliability.md` says how to run them in full, and what came out.

mod kill;
