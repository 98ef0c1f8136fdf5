//! A head that takes samples while the log is read, and is empty before.

use std::ops::Deref;

use hashbrown::HashMap;
use narthex_model::Exemplar;
use narthex_storage::{AppendError, Appender, SampleValue, SeriesKey, SeriesRef};

use super::append::{HeadAppender, Pending, PendingMetadata};
use super::exemplars::PendingExemplar;
use super::replay::Replayer;
use super::series::Slot;
use super::{Head, State};
use crate::Options;
use crate::sample::Value;

impl Head {
    /// Returns the head to use until a log is read. Its series get the references behind `provisional`. Its
    /// samples follow those of `newest_ms`, where that is known.
    ///
    /// It keeps its chunks in memory: the files belong to who reads the log.
    pub(crate) fn early(
        options: &Options,
        min_valid_ms: Option<i64>,
        provisional: u64,
        newest_ms: Option<i64>,
    ) -> Self {
        let mut replayer = Replayer::new(options, min_valid_ms);
        replayer.state.table.give_provisional(provisional);
        replayer.state.max_ms = replayer.state.max_ms.max(newest_ms);
        let (head, ..) = replayer.finish(options);
        head
    }
}

impl<H: Deref<Target = Head> + Clone> HeadAppender<'_, H> {
    /// Appends to another head what was gathered for this one. What that refuses for its time is left
    /// out, as where another commit overtook it.
    pub(crate) fn hand_over(&mut self, to: &mut dyn Appender) -> Result<(), AppendError> {
        let mut names = HashMap::new();
        for pending in &self.samples {
            let name = self.head.state.read().hand_over(pending, to)?;
            names.extend(name.map(|name| (pending.slot, name)));
        }
        let metadata = std::mem::take(&mut self.metadata);
        for PendingMetadata { slot, metadata, .. } in &metadata {
            if let Some(name) = names.get(slot) {
                to.set_metadata(*name, metadata)?;
            }
        }
        for pending in std::mem::take(&mut self.exemplars) {
            hand_over_exemplar(pending, &names, to);
        }
        self.rollback();
        Ok(())
    }
}

impl State {
    fn hand_over(
        &self,
        pending: &Pending,
        to: &mut dyn Appender,
    ) -> Result<Option<SeriesRef>, AppendError> {
        let labels = self.table.label_set(pending.slot);
        let value = match &pending.sample.value {
            Value::Float(value) => SampleValue::Float(*value),
            Value::Histogram(histogram) => SampleValue::Histogram(histogram),
            Value::FloatHistogram(histogram) => SampleValue::FloatHistogram(histogram),
        };
        match to.append_with_start(SeriesKey::Labels(&labels), pending.sample.time, value) {
            Ok(name) => Ok(Some(name)),
            Err(error @ AppendError::Store(_)) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

fn hand_over_exemplar(
    pending: PendingExemplar,
    names: &HashMap<Slot, SeriesRef>,
    to: &mut dyn Appender,
) {
    let slot = pending.slot;
    let (_, exemplar): (_, Exemplar) = pending.into_parts();
    if let Some(name) = names.get(&slot) {
        // One that is out of order by now is left out.
        let _ = to.append_exemplar(*name, &exemplar);
    }
}
