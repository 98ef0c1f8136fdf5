//! The store: its chunks, and how it finds series.

#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

mod chunks;
mod head;

use criterion::{criterion_group, criterion_main};

criterion_group!(benches, chunks::chunks, head::series, head::matchers);
criterion_main!(benches);
