//! What the lines of both text formats have in common.

use narthex_model::{is_legacy_label_name, is_legacy_metric_name};

use crate::escape;

/// Appends a series: its name and its labels, and a label behind them whose value is a float that
/// `push_bound` writes.
pub(super) fn push_series<N: AsRef<str>, V: AsRef<str>>(
    page: &mut String,
    name: &str,
    labels: impl IntoIterator<Item = (N, V)>,
    bound: Option<(&str, f64)>,
    push_bound: fn(&mut String, f64),
) {
    let is_bare = is_legacy_metric_name(name);
    if !is_bare {
        page.push('{');
    }
    push_name(page, name, is_bare);
    let mut separator = if is_bare { '{' } else { ',' };
    for (name, value) in labels {
        page.push(separator);
        push_name(page, name.as_ref(), is_legacy_label_name(name.as_ref()));
        page.push_str("=\"");
        escape::push_label(page, value.as_ref());
        page.push('"');
        separator = ',';
    }
    if let Some((name, bound)) = bound {
        page.push(separator);
        page.push_str(name);
        page.push_str("=\"");
        push_bound(page, bound);
        page.push('"');
        separator = ',';
    }
    if separator == ',' {
        page.push('}');
    }
}

/// Appends a name, in quotes unless it may stand there bare.
pub(crate) fn push_name(page: &mut String, name: &str, is_bare: bool) {
    if is_bare {
        page.push_str(name);
    } else {
        page.push('"');
        escape::push_label(page, name);
        page.push('"');
    }
}
