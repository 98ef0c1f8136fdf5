//! A store, some samples and a question, in one's own process: the example of the README.
//!
//! ```text
//! cargo run --example embed
//! ```

#![expect(clippy::print_stdout, reason = "an example shows its answer")]

use narthex_model::Labels;
use narthex_promql::{Engine, Value};
use narthex_storage::{Appendable, QueryContext, SampleValue, SeriesKey};
use narthex_tsdb::{Db, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let db = Db::open(folder.path(), Options::default())?;
    let requests = Labels::from_pairs([("__name__", "requests_total"), ("job", "api")]);
    let mut appender = db.appender();
    for minute in 0..10_i32 {
        let value = SampleValue::Float(f64::from(minute) * 30.0);
        appender.append(SeriesKey::Labels(&requests), i64::from(minute) * 60_000, value)?;
    }
    appender.commit()?;

    let query = narthex_promql_parser::parse("sum by (job) (rate(requests_total[5m]))")?;
    let answer = Engine::default().instant(&QueryContext::default(), &db, &query, 540_000)?;
    let Value::Vector(vector) = answer.value else { return Err("a sum is a vector".into()) };
    for (labels, sample) in vector.iter() {
        println!("{labels} {}", sample.value); // {job="api"} 0.5
    }
    Ok(())
}
