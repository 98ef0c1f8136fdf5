use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use narthex_model::Labels;

use super::Group;
use crate::environment::{Environment, EvalError, to_ms};
use crate::notify::{Notification, table_url};
use crate::rule::{ActiveRule, Evaluation, Health, RuleState};
use crate::sample::mark_stale;

/// What the evaluation of a rule came to.
#[derive(Clone, Copy, Debug, Default)]
struct RuleOutcome {
    samples: usize,
    failed: bool,
    took: Duration,
}

impl Group {
    /// Evaluates all rules at one time, in milliseconds since the Unix epoch. Does nothing once the group
    /// is stopped.
    pub(crate) fn evaluate(&self, environment: &Environment, time_ms: i64) {
        let _at_work = self.at_work.lock();
        if self.is_stopped() {
            return;
        }
        let clock = &*environment.parts.clock;
        let (started_at_ms, started) = (clock.now_ms(), clock.elapsed());
        let (settings, query_offset_ms) = self.evaluation_parts(environment);
        let evaluation = Evaluation {
            environment,
            settings: &settings,
            time_ms,
            query_offset_ms,
            limit: self.limit,
        };
        let outcomes = match environment.options.concurrent_rules_max {
            0 => self.evaluate_in_order(evaluation),
            _ => self.evaluate_batches(evaluation),
        };
        self.end_series(environment, evaluation.sample_time_ms());
        let took = clock.elapsed().saturating_sub(started);
        environment.count_group(took);
        let is_restored_now = {
            let mut state = self.state.lock();
            state.evaluated_at_ms = Some(started_at_ms);
            state.took = took;
            let stats = &mut state.stats;
            stats.iterations += 1;
            stats.evaluations += outcomes.len() as u64;
            stats.failures += outcomes.iter().filter(|outcome| outcome.failed).count() as u64;
            stats.samples = outcomes.iter().map(|outcome| outcome.samples as u64).sum();
            stats.rules_took = outcomes.iter().map(|outcome| outcome.took).sum();
            state.restore_in = state.restore_in.map(|left| left.saturating_sub(1));
            state.restore_in == Some(0)
        };
        if is_restored_now {
            self.restore(environment, time_ms);
            let mut state = self.state.lock();
            state.restore_in = None;
            state.stats.restore_took = clock.elapsed().saturating_sub(started).saturating_sub(took);
        }
    }

    fn evaluate_in_order(&self, evaluation: Evaluation<'_>) -> Vec<RuleOutcome> {
        let rules = self.rules.iter().take_while(|_| !self.is_stopped());
        rules.map(|rule| self.evaluate_rule(rule, evaluation)).collect()
    }

    fn evaluate_batches(&self, evaluation: Evaluation<'_>) -> Vec<RuleOutcome> {
        let mut outcomes = Vec::with_capacity(self.rules.len());
        for batch in &self.batches {
            outcomes.extend(self.evaluate_batch(batch, evaluation));
        }
        outcomes
    }

    /// Evaluates rules that do not depend on each other, on as many threads as other groups leave.
    fn evaluate_batch(&self, batch: &[usize], evaluation: Evaluation<'_>) -> Vec<RuleOutcome> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut outcomes = Vec::new();
            while let Some(&index) = batch.get(next.fetch_add(1, Ordering::Relaxed)) {
                if self.is_stopped() {
                    break;
                }
                outcomes.push(self.evaluate_rule(&self.rules[index], evaluation));
            }
            outcomes
        };
        let permits = evaluation.environment.take_permits(batch.len().saturating_sub(1));
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (0..permits.count()).map(|_| scope.spawn(work)).collect();
            let mut outcomes = work();
            for helper in helpers {
                match helper.join() {
                    Ok(more) => outcomes.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            outcomes
        })
    }

    fn evaluate_rule(&self, rule: &ActiveRule, evaluation: Evaluation<'_>) -> RuleOutcome {
        let clock = &*evaluation.environment.parts.clock;
        let (started_at_ms, started) = (clock.now_ms(), clock.elapsed());
        let mut state = rule.state.lock();
        let evaluated = self.evaluate_and_store(rule, evaluation, &mut state);
        let took = clock.elapsed().saturating_sub(started);
        state.evaluated_at_ms = Some(started_at_ms);
        state.took = took;
        evaluation.environment.count_rule(took);
        match evaluated {
            Ok(samples) => {
                state.health = Health::Good;
                state.last_error = None;
                RuleOutcome { samples, failed: false, took }
            }
            Err((samples, error)) => {
                state.health = Health::Bad;
                state.last_error = Some(error);
                RuleOutcome { samples, failed: true, took }
            }
        }
    }

    /// Returns how many samples the rule came to; where something failed, also what.
    fn evaluate_and_store(
        &self,
        rule: &ActiveRule,
        evaluation: Evaluation<'_>,
        state: &mut RuleState,
    ) -> Result<usize, (usize, Box<str>)> {
        let samples = rule.evaluate(evaluation, state).map_err(|error| {
            self.log_failure(rule, &error);
            (0, error.to_string().into())
        })?;
        if rule.rule.is_alerting() {
            self.tell(rule, evaluation, state);
        }
        let mut appender = evaluation.environment.parts.appendable.appender();
        let outcome = state.written.append(&mut *appender, evaluation.sample_time_ms(), &samples);
        let refused = outcome.error.as_ref().map(ToString::to_string);
        if let Err(error) = appender.commit() {
            let error = with_source(&error);
            tracing::warn!(
                file = &*self.file,
                group = &*self.name,
                name = &*rule.rule.name,
                err = error,
                "Rule sample appending failed"
            );
            return Err((samples.len(), error.into()));
        }
        state.written.committed(outcome);
        match refused {
            None => Ok(samples.len()),
            Some(error) => Err((samples.len(), error.into())),
        }
    }

    fn log_failure(&self, rule: &ActiveRule, error: &EvalError) {
        let (file, group) = (&*self.file, &*self.name);
        if error.is_interruption() {
            tracing::debug!(file, group, name = &*rule.rule.name, err = %error, "Evaluating rule stopped");
        } else {
            tracing::warn!(file, group, name = &*rule.rule.name, err = %error, "Evaluating rule failed");
        }
    }

    /// Tells of the alerts for which it is time.
    fn tell(&self, rule: &ActiveRule, evaluation: Evaluation<'_>, state: &mut RuleState) {
        let Evaluation { environment, time_ms, .. } = evaluation;
        let resend_delay = environment.options.resend_delay;
        // Two evaluations, or two attempts to send, may fail.
        let valid_for_ms = to_ms(resend_delay.max(self.interval)).saturating_mul(4);
        let mut url = None;
        let due = state.alerts.iter_mut().filter(|it| it.is_due(time_ms, to_ms(resend_delay)));
        let notifications: Vec<_> = due
            .map(|alert| {
                let valid_until_ms = time_ms.saturating_add(valid_for_ms);
                alert.last_sent_at_ms = Some(time_ms);
                alert.valid_until_ms = Some(valid_until_ms);
                let url = url.get_or_insert_with(|| {
                    table_url(&environment.options.external_url, &rule.query)
                });
                Notification {
                    labels: alert.labels.clone(),
                    annotations: alert.annotations.clone(),
                    starts_at_ms: alert.fired_at_ms.unwrap_or(alert.active_at_ms),
                    ends_at_ms: alert.resolved_at_ms.unwrap_or(valid_until_ms),
                    is_resolved: alert.resolved_at_ms.is_some(),
                    generator_url: url.clone(),
                }
            })
            .collect();
        if !notifications.is_empty() {
            environment.parts.notify.notify(notifications);
        }
    }

    /// Ends the series of rules that are gone, unless another rule of the group goes on with them.
    fn end_series(&self, environment: &Environment, time_ms: i64) {
        let ended = std::mem::take(&mut self.state.lock().ended);
        if ended.is_empty() {
            return;
        }
        if let Err(ended) = end_series(environment, time_ms, ended) {
            self.state.lock().ended = ended;
        }
    }
}

/// Ends series. Returns them where the store did not take it.
pub(crate) fn end_series(
    environment: &Environment,
    time_ms: i64,
    ended: Vec<Labels>,
) -> Result<(), Vec<Labels>> {
    let mut appender = environment.parts.appendable.appender();
    let distinct: HashSet<&Labels> = ended.iter().collect();
    for labels in distinct {
        mark_stale(&mut *appender, None, labels, time_ms);
    }
    match appender.commit() {
        Ok(_) => Ok(()),
        Err(error) => {
            let err = with_source(&error);
            tracing::warn!(err, "Stale sample appending for previous configuration failed");
            Err(ended)
        }
    }
}

fn with_source(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
