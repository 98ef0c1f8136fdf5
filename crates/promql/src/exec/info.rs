//! `info`: series with the labels of the info series of their target added.

use hashbrown::{HashMap, HashSet};
use narthex_model::{INSTANCE_LABEL, JOB_LABEL, Labels, LabelsBuilder, METRIC_NAME_LABEL};
use narthex_storage::{Columns, Selection};

use super::lookup::fill_instant;
use super::{Held, Run, Scratch};
use crate::block::{Block, Column};
use crate::plan::InfoPlan;
use crate::{QueryError, bits};

/// Returns the series of `base` with the labels of the info series of their target.
///
/// Of several info series with one name and target, the one with the newest sample counts at each
/// step.
///
/// # Errors
///
/// Where two info series contradict each other, results have equal labels, the store fails, or a
/// limit is reached. Of several errors it is that of the first step.
///
/// # Source
///
/// `evalInfo` in Prometheus `promql/info.go`.
pub(super) fn info<'a>(
    run: &'a Run<'a>,
    plan: &InfoPlan,
    operation: usize,
    base: &Held<'a>,
    selection: &dyn Selection,
) -> Result<Held<'a>, QueryError> {
    let base = base.block();
    let is_info = |labels: &Labels| {
        plan.name_matchers.iter().all(|matcher| matcher.matches(labels.metric_name()))
    };
    let untouched: Vec<bool> = base.labels().iter().map(is_info).collect();
    let infos = read_infos(run, plan, operation, &Targets::of(base, &untouched), selection)?;
    let mut joined = Joined {
        plan,
        infos: infos.block(),
        failure: None,
        result: Held::new(run, base.steps()),
        rows: HashMap::new(),
        builder: LabelsBuilder::default(),
    };
    let groups = joined.groups(base);
    for (series, untouched) in untouched.into_iter().enumerate() {
        run.ctx.check()?;
        joined.add(base, series, &groups, untouched)?;
    }
    match joined.failure {
        Some((_, error)) => Err(error),
        None => joined.result.settle(),
    }
}

/// The values that tell targets apart, by the labels that do.
struct Targets {
    values: [HashSet<Box<str>>; 2],
}

impl Targets {
    /// Returns the targets of the series that are to be joined.
    fn of(base: &Block, untouched: &[bool]) -> Self {
        let mut values = [HashSet::new(), HashSet::new()];
        let series = base.labels().iter().zip(untouched);
        for labels in series.filter(|(_, untouched)| !**untouched).map(|(labels, _)| labels) {
            for (name, values) in TARGET_LABELS.iter().zip(&mut values) {
                let value = labels.value(name);
                if !value.is_empty() && !values.contains(value) {
                    values.insert(value.into());
                }
            }
        }
        Self { values }
    }

    fn is_empty(&self) -> bool {
        self.values.iter().all(HashSet::is_empty)
    }

    /// Returns whether an info series may be of one of them. A label that no series has is not
    /// looked at.
    fn contain(&self, labels: &Labels) -> bool {
        TARGET_LABELS
            .iter()
            .zip(&self.values)
            .all(|(name, values)| values.is_empty() || values.contains(labels.value(name)))
    }
}

/// Returns the info series of the targets, with the times of their samples in milliseconds.
fn read_infos<'a>(
    run: &'a Run<'a>,
    plan: &InfoPlan,
    operation: usize,
    targets: &Targets,
    selection: &dyn Selection,
) -> Result<Held<'a>, QueryError> {
    let mut infos = Held::new(run, plan.instant.lookups.grid.steps());
    if targets.is_empty() {
        return Ok(infos);
    }
    let mut scratch = Scratch::new(run);
    let mut column = Column::default();
    for index in 0..selection.len() {
        let labels = selection.series_labels(index);
        if targets.contain(&labels) {
            scratch.decode(run, selection, index)?;
            fill_instant(run, &plan.instant, scratch.columns(), &mut column)?;
            let columns = scratch.columns();
            if columns.has_histograms() && any_histogram(columns, &column) {
                return Err(QueryError::InfoHistogram);
            }
            if bits::any(column.row().present()) {
                run.ledger.add_info(operation, column.row())?;
                infos.push(labels, column.row())?;
            }
        }
    }
    Ok(infos)
}

/// Returns whether any sample whose time was looked up is a histogram.
fn any_histogram(columns: &Columns, times_ms: &Column) -> bool {
    let times_ms: HashSet<u64> = times_ms.row().iter().map(|(_, time)| time.to_bits()).collect();
    let mut histograms = columns.histograms().iter().map(|(index, _)| *index);
    histograms.any(|index| {
        let time_ms = columns.timestamps_ms()[index] as f64;
        times_ms.contains(&time_ms.to_bits())
    })
}

/// The info series of one name and target: at each step the one that counts.
type Group = Vec<Option<usize>>;

struct Joined<'p, 'b, 'a> {
    plan: &'p InfoPlan,
    infos: &'b Block,
    /// The error of the earliest step.
    failure: Option<(usize, QueryError)>,
    result: Held<'a>,
    /// Where the result with these labels lies.
    rows: HashMap<Labels, usize>,
    builder: LabelsBuilder,
}

impl Joined<'_, '_, '_> {
    fn fail(&mut self, step: usize, error: impl FnOnce() -> QueryError) {
        if self.failure.as_ref().is_none_or(|(known, _)| step < *known) {
            self.failure = Some((step, error()));
        }
    }

    /// Returns the groups of info series by their target.
    fn groups(&mut self, base: &Block) -> HashMap<Labels, Vec<Group>> {
        let mut base_present = vec![0; bits::word_count(base.steps())];
        for (_, row) in base.rows() {
            bits::union(&mut base_present, row.present());
        }
        let mut known: HashMap<(Labels, Box<str>), usize> = HashMap::new();
        let mut by_target: HashMap<Labels, Vec<Group>> = HashMap::new();
        for (series, (labels, row)) in self.infos.rows().enumerate() {
            let target = self.target(labels);
            let groups = by_target.entry(target.clone()).or_default();
            let index = *known.entry((target, labels.metric_name().into())).or_insert_with(|| {
                groups.push(vec![None; base.steps()]);
                groups.len() - 1
            });
            for (step, time_ms) in row.iter().filter(|(step, _)| bits::get(&base_present, *step)) {
                let newest = &mut groups[index][step];
                let known =
                    newest.and_then(|known| Some((known, self.infos.row(known).get(step)?)));
                match known {
                    Some((_, known_ms)) if known_ms > time_ms => {}
                    Some((known, known_ms)) if known_ms == time_ms => {
                        let infos = self.infos;
                        self.fail(step, || duplicate(infos, known, series, time_ms));
                    }
                    _ => *newest = Some(series),
                }
            }
        }
        by_target
    }

    fn target(&mut self, labels: &Labels) -> Labels {
        self.builder.reset(labels);
        self.builder.retain(|name, _| TARGET_LABELS.contains(&name));
        self.builder.build()
    }

    /// Adds the values of one series to the results, with the labels that each step gives them.
    fn add(
        &mut self,
        base: &Block,
        series: usize,
        groups: &HashMap<Labels, Vec<Group>>,
        untouched: bool,
    ) -> Result<(), QueryError> {
        let labels = &base.labels()[series];
        let target = self.target(labels);
        let groups = groups.get(&target).map_or(&[][..], Vec::as_slice);
        // What the info series that count come to: the same ones do at most steps.
        let mut known: HashMap<Vec<usize>, Option<Labels>> = HashMap::new();
        for (step, _) in base.row(series).iter() {
            let joined = if untouched {
                Some(labels.clone())
            } else {
                let infos: Vec<usize> = groups.iter().filter_map(|group| group[step]).collect();
                match known.get(&infos) {
                    Some(joined) => joined.clone(),
                    None => {
                        let joined = match self.join(labels, &infos) {
                            Ok(joined) => joined,
                            Err(error) => {
                                self.fail(step, || error);
                                None
                            }
                        };
                        known.insert(infos, joined.clone());
                        joined
                    }
                }
            };
            let Some(joined) = joined else { continue };
            let row = match self.rows.get(&joined) {
                Some(row) => *row,
                None => {
                    let row = self.result.push_empty(joined.clone())?;
                    self.result.block_mut().set_nameless(row, base.is_nameless(series));
                    self.rows.insert(joined, row);
                    row
                }
            };
            if self.result.block().row(row).get(step).is_some() {
                self.fail(step, || QueryError::DuplicateLabelset);
            }
            self.result.block_mut().copy_step(row, step, base.row(series));
        }
        Ok(())
    }

    /// Returns a series' labels with those of info series. `None` where there is no info series
    /// with labels that are asked for.
    fn join(&mut self, base: &Labels, infos: &[usize]) -> Result<Option<Labels>, QueryError> {
        let wanted = &self.plan.data_matchers;
        if infos.is_empty() {
            let keeps = wanted.iter().all(|matcher| matcher.matches(""));
            return Ok(keeps.then(|| base.clone()));
        }
        let mut added: HashMap<&str, &str> = HashMap::new();
        for (name, value) in infos.iter().flat_map(|info| self.infos.labels()[*info].iter()) {
            let asked = wanted.is_empty() || wanted.iter().any(|matcher| matcher.name() == name);
            if name == METRIC_NAME_LABEL || !asked {
                continue;
            }
            if added.get(name).is_some_and(|known| *known != value) {
                return Err(QueryError::ConflictingInfo { label: name.into() });
            }
            if base.get(name).is_none() {
                added.insert(name, value);
            }
        }
        self.builder.reset(base);
        for (name, value) in added {
            self.builder.set(name, value);
        }
        Ok(Some(self.builder.build()))
    }
}

fn duplicate(infos: &Block, existing: usize, new: usize, time_ms: f64) -> QueryError {
    let text = |series: usize| infos.labels()[series].to_string().into();
    #[expect(clippy::cast_possible_truncation, reason = "it was an integer before")]
    let timestamp_ms = time_ms as i64;
    QueryError::DuplicateInfo { existing: text(existing), new: text(new), timestamp_ms }
}

/// The labels that tell targets apart.
const TARGET_LABELS: [&str; 2] = [INSTANCE_LABEL, JOB_LABEL];
