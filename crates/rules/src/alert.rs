use std::fmt;

use narthex_model::Labels;

/// How far an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    /// Its condition does not hold any more.
    Inactive,
    /// Its condition holds, but not for long enough yet.
    Pending,
    /// Its condition holds, or did a short while ago.
    Firing,
}

impl AlertState {
    /// Returns the name, as in the label `alertstate`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

impl fmt::Display for AlertState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One alert of a rule. All times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Alert {
    /// How far it is.
    pub state: AlertState,
    /// Its labels, by which it is known.
    pub labels: Labels,
    /// What is told with it.
    pub annotations: Labels,
    /// The value of the expression when it was last evaluated; 0 where that is a native histogram.
    pub value: f64,
    /// Since when its condition holds.
    pub active_at_ms: i64,
    /// Since when it fires.
    pub fired_at_ms: Option<i64>,
    /// When its condition ceased to hold.
    pub resolved_at_ms: Option<i64>,
    /// When somebody was last told of it.
    pub last_sent_at_ms: Option<i64>,
    /// Until when those who were told so may take it for firing without news.
    pub valid_until_ms: Option<i64>,
    /// Since when it fires though its condition does not hold.
    pub keep_firing_since_ms: Option<i64>,
}

impl Alert {
    /// Returns whether its condition holds, or it fires all the same.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.resolved_at_ms.is_none()
    }

    pub(crate) fn new(labels: Labels, annotations: Labels, value: f64, active_at_ms: i64) -> Self {
        Self {
            state: AlertState::Pending,
            labels,
            annotations,
            value,
            active_at_ms,
            fired_at_ms: None,
            resolved_at_ms: None,
            last_sent_at_ms: None,
            valid_until_ms: None,
            keep_firing_since_ms: None,
        }
    }

    /// Returns whether it is time to tell of it, which is so at once when it is resolved.
    pub(crate) fn is_due(&self, time_ms: i64, resend_delay_ms: i64) -> bool {
        let Some(sent_at_ms) = self.last_sent_at_ms else {
            return self.state != AlertState::Pending;
        };
        self.state != AlertState::Pending
            && (self.resolved_at_ms.is_some_and(|resolved_at_ms| resolved_at_ms > sent_at_ms)
                || sent_at_ms.saturating_add(resend_delay_ms) < time_ms)
    }

    /// Moves all its times, where the clock turned out to be wrong by so much.
    pub(crate) fn shift(&mut self, by_ms: i64) {
        self.active_at_ms = self.active_at_ms.saturating_add(by_ms);
        let others = [
            &mut self.fired_at_ms,
            &mut self.resolved_at_ms,
            &mut self.last_sent_at_ms,
            &mut self.valid_until_ms,
            &mut self.keep_firing_since_ms,
        ];
        for time_ms in others.into_iter().flatten() {
            *time_ms = time_ms.saturating_add(by_ms);
        }
    }
}
