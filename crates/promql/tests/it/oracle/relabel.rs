//! `label_replace` and `label_join`.

use narthex_model::Regex;
use narthex_promql_parser::{ExprRef, Node};

use super::{Failure, Series, labels, merge_equal};

pub(super) fn relabelled(
    name: &str,
    args: &[ExprRef<'_>],
    operands: Vec<Vec<Series>>,
) -> Result<Vec<Series>, Failure> {
    let texts: Vec<&str> = args[1..].iter().map(|arg| literal(*arg)).collect();
    let mut all = operands.into_iter().next().unwrap_or_default();
    for series in &mut all {
        let value = match name {
            "label_join" => Some(
                texts[2..]
                    .iter()
                    .map(|name| series.labels.value(name))
                    .collect::<Vec<_>>()
                    .join(texts[1]),
            ),
            _ => replaced(&texts, series),
        };
        if let Some(value) = value {
            series.labels = labels::with(&series.labels, texts[0], &value);
        }
    }
    merge_equal(all)
}

fn literal(arg: ExprRef<'_>) -> &str {
    let Node::StringLiteral(text) = arg.node() else {
        unreachable!("the parser takes literals alone")
    };
    text.as_str()
}

/// Returns what the template makes of the source label, or `None` where the pattern does not match.
fn replaced(texts: &[&str], series: &Series) -> Option<String> {
    let &[_, template, source, pattern] = texts else { unreachable!("the parser counts") };
    let regex = Regex::new(pattern).expect("the tests write valid patterns");
    let mut out = String::new();
    regex.expand(series.labels.value(source), template, &mut out).then_some(out)
}
