use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Parser;
use flate2::read::GzDecoder;
use narthex_model::Labels;
use narthex_storage::{Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Db, Options};

use crate::promtool::{Console, PromtoolFlags, run};

/// Runs `promtool tsdb` with these arguments. Returns what it prints, or the error that it tells.
fn tsdb(arguments: &[&str]) -> Result<String, String> {
    let flags =
        PromtoolFlags::try_parse_from(["promtool", "tsdb"].iter().chain(arguments)).unwrap();
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let code = run(&flags, &mut Console::quiet(&mut out), &mut errors);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let has_failed = format!("{code:?}") != format!("{:?}", std::process::ExitCode::SUCCESS);
    assert_eq!(has_failed, !errors.is_empty());
    if has_failed { Err(text(errors)) } else { Ok(text(out)) }
}

/// A folder with a database of three series, and its path.
fn database() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path(), Options::default()).unwrap();
    let mut appender = db.appender();
    for (labels, values) in [
        (vec![("__name__", "metric"), ("foo", "bar"), ("baz", "abc")], [1.0, 2.0, 3.0, 4.0, 5.0]),
        (vec![("__name__", "heavy_metric"), ("foo", "bar")], [5.0, 4.0, 3.0, 2.0, 1.0]),
        (vec![("__name__", "heavy_metric"), ("foo", "foo")], [5.0, 4.0, 3.0, 2.0, 1e7]),
    ] {
        let labels = Labels::from_pairs(labels);
        for (minute, value) in (0..).zip(values) {
            let value = SampleValue::Float(value);
            appender.append(SeriesKey::Labels(&labels), minute * 60_000, value).unwrap();
        }
    }
    appender.commit().unwrap();
    drop(appender);
    db.close().unwrap();
    let path = dir.path().to_str().unwrap().to_owned();
    (dir, path)
}

const METRIC: &str = "{__name__=\"metric\", baz=\"abc\", foo=\"bar\"} 1 0
{__name__=\"metric\", baz=\"abc\", foo=\"bar\"} 2 60000
{__name__=\"metric\", baz=\"abc\", foo=\"bar\"} 3 120000
{__name__=\"metric\", baz=\"abc\", foo=\"bar\"} 4 180000
{__name__=\"metric\", baz=\"abc\", foo=\"bar\"} 5 240000
";
const HEAVY_BAR: &str = "{__name__=\"heavy_metric\", foo=\"bar\"} 5 0
{__name__=\"heavy_metric\", foo=\"bar\"} 4 60000
{__name__=\"heavy_metric\", foo=\"bar\"} 3 120000
{__name__=\"heavy_metric\", foo=\"bar\"} 2 180000
{__name__=\"heavy_metric\", foo=\"bar\"} 1 240000
";
const HEAVY_FOO: &str = "{__name__=\"heavy_metric\", foo=\"foo\"} 5 0
{__name__=\"heavy_metric\", foo=\"foo\"} 4 60000
{__name__=\"heavy_metric\", foo=\"foo\"} 3 120000
{__name__=\"heavy_metric\", foo=\"foo\"} 2 180000
{__name__=\"heavy_metric\", foo=\"foo\"} 1e+07 240000
";

#[test]
fn dumps_of_a_log() {
    let (dir, path) = database();
    let before = names(dir.path());
    let sandboxes = tempfile::tempdir().unwrap();
    let root = sandboxes.path().to_str().unwrap();
    let all = [METRIC, HEAVY_BAR, HEAVY_FOO].concat();
    let sorted = [HEAVY_BAR, HEAVY_FOO, METRIC].concat();
    let part = METRIC.lines().skip(1).take(2).map(|line| format!("{line}\n")).collect::<String>();
    let cases: [(&[&str], String); 9] = [
        (&["dump", &path], all.clone()),
        (&["dump", "--sandbox-dir-root", root, &path], all.clone()),
        (&["dump", "--match={foo=~'.+'}", "--match={foo=~'.+'}", &path], sorted.clone()),
        (&["dump", "--match={__name__=~'(?s:.*)'}", "--match={baz='abc'}", &path], sorted.clone()),
        (
            &["dump", "--match=heavy_metric{foo='foo'}", "--match={__name__='metric'}", &path],
            [HEAVY_FOO, METRIC].concat(),
        ),
        (
            &["dump", "--min-time=60000", "--max-time=120000", "--match={__name__='metric'}", &path],
            part,
        ),
        (&["dump", "--min-time=-5", "--max-time", "-1", &path], String::new()),
        (
            &["dump", "--format=seriesjson", &path],
            "{\"__name__\":\"metric\",\"baz\":\"abc\",\"foo\":\"bar\"}\n\
             {\"__name__\":\"heavy_metric\",\"foo\":\"bar\"}\n\
             {\"__name__\":\"heavy_metric\",\"foo\":\"foo\"}\n"
                .into(),
        ),
        (
            &["dump-openmetrics", "--match=metric", "--max-time=60000", &path],
            "metric{baz=\"abc\",foo=\"bar\"} 1 0.000\nmetric{baz=\"abc\",foo=\"bar\"} 2 60.000\n# EOF\n"
                .into(),
        ),
    ];
    for (arguments, expected) in cases {
        assert_eq!(tsdb(arguments).as_deref(), Ok(&*expected), "{arguments:?}");
    }
    assert_eq!(names(dir.path()), before, "nothing is left behind");
    assert_eq!(names(sandboxes.path()), [""; 0]);
}

/// A database that is open elsewhere can be dumped: the log is read from a copy.
#[test]
fn dumps_beside_a_running_server() {
    let (dir, path) = database();
    let db = Db::open(dir.path(), Options::default()).unwrap();
    assert_eq!(tsdb(&["dump", "--match=metric", &path]).as_deref(), Ok(METRIC));
    db.close().unwrap();
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>();
    names.sort();
    names
}

/// Imports a page into a folder of its own. Returns the lines of blocks without their names, and the
/// dump.
fn import(page: &str, flags: &[&str]) -> Result<(Vec<String>, String), String> {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("input"), dir.path().join("output"));
    fs::write(&input, page).unwrap();
    let (input, output) = (input.to_str().unwrap(), output.to_str().unwrap());
    let command = ["create-blocks-from", "openmetrics", input, output];
    let printed = tsdb(&[&command[..], flags].concat())?;
    if !flags.contains(&"-q") {
        let listed =
            if flags.contains(&"-r") { vec!["list", "-r", output] } else { vec!["list", output] };
        let listed = tsdb(&listed)?;
        // Each block has a table of its own here, as in the reference.
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert!(words(&printed) == words(&listed) || printed.is_empty(), "{printed}\n{listed}");
    }
    let blocks = tsdb(&["list", output])?;
    let blocks = blocks.lines().skip(1).map(|line| {
        let cells = line.split_whitespace().skip(1).take(6);
        cells.collect::<Vec<_>>().join(" ")
    });
    Ok((blocks.collect(), tsdb(&["dump-openmetrics", output])?))
}

#[test]
fn blocks_of_openmetrics() {
    const THREE: &str = "a{c=\"200\"} 1 1624463088.000\na{c=\"200\"} 2 1629503088.000\n\
                         a{c=\"200\"} 3 1629863088.000\n# EOF\n";
    let cases: [(&str, &[&str], &[&str], &str); 10] = [
        ("# EOF", &[], &[], "# EOF\n"),
        (
            "# HELP a Help.\n# TYPE a counter\na{c=\"200\"} 1021 1565133713.989\na{c=\"400\"} 1 1565133713.989\n# EOF\n",
            &[],
            &["1565133713989 1565133713990 1ms 2 2 2"],
            "a{c=\"200\"} 1021 1565133713.989\na{c=\"400\"} 1 1565133713.989\n# EOF\n",
        ),
        // Series in no order, in blocks far apart.
        (
            "go_info{v=\"1\"} 1 1565392913.989\na{c=\"200\"} 1021 1565133713.989\n# EOF\n",
            &["-r"],
            &["1565133713989 1565133713990 1ms 1 1 1", "1565392913989 1565392913990 1ms 1 1 1"],
            "a{c=\"200\"} 1021 1565133713.989\ngo_info{v=\"1\"} 1 1565392913.989\n# EOF\n",
        ),
        // A whole block of two hours.
        (
            "a 1 0\na 2 7199\nb 3 0\nb 4 7199\n# EOF\n",
            &[],
            &["0 7199001 1h59m59.001s 4 2 2"],
            "a{} 1 0.000\na{} 2 7199.000\nb{} 3 0.000\nb{} 4 7199.000\n# EOF\n",
        ),
        (
            "a 1 7199.999\na 2 7200\n# EOF",
            &[],
            &["7199999 7200000 1ms 1 1 1", "7200000 7200001 1ms 1 1 1"],
            "a{} 1 7199.999\na{} 2 7200.000\n# EOF\n",
        ),
        // Before 1970, which the reference drops in part.
        (
            "a 1 -1\na 2 1\n# EOF",
            &[],
            &["-1000 -999 1ms 1 1 1", "1000 1001 1ms 1 1 1"],
            "a{} 1 -1.000\na{} 2 1.000\n# EOF\n",
        ),
        (
            THREE,
            &["--max-block-duration=2048h"],
            &[
                "1624463088000 1624463088001 1ms 1 1 1",
                "1629503088000 1629863088001 100h0m0.001s 2 1 1",
            ],
            "a{c=\"200\"} 1 1624463088.000\na{c=\"200\"} 2 1629503088.000\na{c=\"200\"} 3 1629863088.000\n# EOF\n",
        ),
        (
            "a{c=\"200\"} 1 100\n# EOF\n",
            &["--label=org=999", "--label", "c:x", "-q"],
            &["100000 100001 1ms 1 1 1"],
            "a{c=\"x\",org=\"999\"} 1 100.000\n# EOF\n",
        ),
        // Bounds of buckets are written one way.
        (
            "# TYPE h histogram\nh_bucket{le=\"1\"} 2 6900 # {t=\"x\"} 0.5\nh_bucket{le=\"+Inf\"} 2 6900\n# EOF\n",
            &[],
            &["6900000 6900001 1ms 2 2 2"],
            "h_bucket{le=\"+Inf\"} 2 6900.000\nh_bucket{le=\"1.0\"} 2 6900.000\n# EOF\n",
        ),
        // The same again is no error.
        ("a 1 5\na 1 5\n# EOF\n", &[], &["5000 5001 1ms 1 1 1"], "a{} 1 5.000\n# EOF\n"),
    ];
    for (page, flags, blocks, dump) in cases {
        let (found, found_dump) = import(page, flags).unwrap();
        assert_eq!(found, blocks, "{page}");
        assert_eq!(found_dump, dump, "{page}");
    }
}

#[test]
fn pages_that_cannot_be_imported() {
    for (page, message) in [
        ("a 1 5\n", "parse the input: data does not end with # EOF (line 1, column 6)\n"),
        ("a 1\n# EOF\n", "expected timestamp for series a, got none\n"),
        (
            "a{b=\"1\",b=\"2\"} 1 5\n# EOF\n",
            "parse the input: label name \"b\" is not unique: invalid sample\n",
        ),
        ("# TYPE a b\n# EOF\n", "parse the input: invalid metric type \"b\" (line 1, column 9)\n"),
        (
            "{a=\"b\"} 0 1\n# EOF",
            "parse the input: metric name not set while parsing: \"{a=\\\"b\\\"} 0\" (line 1, column 8)\n",
        ),
    ] {
        assert_eq!(import(page, &[]).unwrap_err(), message, "{page}");
    }
    // More than one commit holds: then what comes late is seen.
    let mut page = String::new();
    (0..5_000).for_each(|second| page += &format!("a {second} {second}\n"));
    page += "a 1 7\n# EOF\n";
    let error = import(&page, &[]).unwrap_err();
    assert_eq!(error, "add sample of {__name__=\"a\"} at 7000: out of order sample\n");
    let error = tsdb(&["create-blocks-from", "openmetrics", "/nowhere/input"]).unwrap_err();
    assert!(error.starts_with("read /nowhere/input: "), "{error}");
}

#[test]
fn analysis_of_a_block() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("input"), dir.path().join("output"));
    let mut page = String::new();
    for minute in 0..120 {
        page += &format!("up{{job=\"a\",i=\"1\"}} {minute} {}\n", minute * 60);
        if minute < 30 {
            page += &format!("up{{job=\"b\",i=\"2\"}} 1 {}\nx 1 {}\n", minute * 60, minute * 60);
        }
    }
    page += "# EOF\n";
    fs::write(&input, page).unwrap();
    let (input, output) = (input.to_str().unwrap(), output.to_str().unwrap());
    tsdb(&["create-blocks-from", "openmetrics", input, output]).unwrap();
    let whole = tsdb(&["analyze", "--extended", output]).unwrap();
    let (first, rest) = whole.split_once('\n').unwrap();
    assert!(first.starts_with("Block ID: 01"), "{first}");
    assert_eq!(rest, ANALYSIS);
    let part = tsdb(&["analyze", "--limit=1", "--match={job=~'.+'}", output]).unwrap();
    assert_eq!(part.split_once('\n').unwrap().1, ANALYSIS_OF_A_PART);

    for (arguments, message) in [
        (
            &["analyze", output, "01BZJ9WJQPWHGNC2W4J9TA62KC"][..],
            "invalid block ID 01BZJ9WJQPWHGNC2W4J9TA62KC\n",
        ),
        (&["analyze", output, "../x"], "invalid block ID ../x\n"),
        (&["analyze", input], "opening the db dir: "),
        (&["list", "/nowhere"], "opening the db dir: /nowhere: "),
        (&["analyze", "--match={", output], "1:2: parse error: "),
        (&["dump", "--match=a b", output], "1:3: parse error: "),
    ] {
        let error = tsdb(arguments).unwrap_err();
        assert!(error.starts_with(message), "{arguments:?}: {error}");
    }
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let empty = empty.to_str().unwrap();
    assert_eq!(tsdb(&["analyze", empty]).unwrap_err(), "no blocks found\n");
    let header = "BLOCK ULID   MIN TIME     MAX TIME     DURATION     NUM SAMPLES  NUM CHUNKS   NUM SERIES   SIZE\n";
    assert_eq!(tsdb(&["list", empty]).as_deref(), Ok(header));
}

const ANALYSIS: &str = include_str!("tests/analysis.txt");
const ANALYSIS_OF_A_PART: &str = include_str!("tests/analysis_of_a_part.txt");

#[test]
fn a_damaged_block_is_told_and_the_rest_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("input"), dir.path().join("output"));
    fs::write(&input, "a 1 5\nb 2 5\n# EOF\n").unwrap();
    let path = output.to_str().unwrap();
    tsdb(&["create-blocks-from", "openmetrics", input.to_str().unwrap(), path]).unwrap();
    let block = output.join(&names(&output)[0]);
    let chunks = block.join("chunks/000001");
    let mut bytes = fs::read(&chunks).unwrap();
    bytes[12] ^= 1;
    fs::write(&chunks, bytes).unwrap();
    let error = tsdb(&["dump", path]).unwrap_err();
    assert!(error.contains("cannot be read in part"), "{error}");
    fs::remove_file(block.join("index")).unwrap();
    let error = tsdb(&["list", path]).unwrap_err();
    assert!(error.starts_with("corrupted block 01"), "{error}");
}

#[test]
fn the_write_benchmark() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("input"), dir.path().join("bench"));
    let lines = (0..30).map(|n| format!("{{\"__name__\":\"m\",\"n\":\"{}\"}}\n", n % 20));
    fs::write(&input, lines.collect::<String>()).unwrap();
    let (input, out) = (input.to_str().unwrap(), output.to_str().unwrap());
    let arguments = ["bench", "write", "--metrics=15", "--scrapes=150", "--out", out, input];
    let printed = tsdb(&arguments).unwrap();
    let words =
        printed.lines().map(|line| line.split(['=', ':']).take(2).collect::<Vec<_>>().join("="));
    let words = words.map(|line| line.split(" duration").next().unwrap().to_owned());
    assert_eq!(
        words.filter(|line| !line.starts_with(" > samples/sec")).collect::<Vec<_>>(),
        [
            ">> start stage=readData",
            ">> completed stage=readData",
            ">> start stage=ingestScrapes",
            "ingestion completed",
            ">> completed stage=ingestScrapes",
            " > total samples= 3000",
            ">> start stage=stopStorage",
            ">> completed stage=stopStorage"
        ]
    );
    let storage = output.join("storage");
    let series = tsdb(&["dump", "--match={n='3'}", storage.to_str().unwrap()]).unwrap();
    assert_eq!(series.lines().count(), 200);
    assert_eq!(series.lines().next(), Some(r#"{__name__="m", n="3"} 1.23457789e+08 30000"#));
    fs::write(dir.path().join("input"), "{}\n").unwrap();
    let error = tsdb(&arguments).unwrap_err();
    assert!(error.starts_with("line 1 of ") && error.ends_with("is no label set\n"), "{error}");
}

// Files of the reference.

fn conformance_dir() -> Option<PathBuf> {
    let dir = std::env::var_os("NARTHEX_CONFORMANCE").map(PathBuf::from);
    if dir.is_none() {
        eprintln!("skipped: NARTHEX_CONFORMANCE does not name the folder of conformance data");
    }
    dir
}

/// Checks that a page comes back as it was imported.
#[test]
fn the_round_trip_of_the_reference() {
    let Some(dir) = conformance_dir() else { return };
    let file = "prometheus/cmd/promtool/testdata/dump-openmetrics-roundtrip-test.prom";
    let page = fs::read_to_string(dir.join(file)).unwrap();
    assert_eq!(import(&page, &[]).unwrap().1, page);
}

/// Two data directories that Prometheus 3.14.0 left, and blocks of them, line by line.
#[test]
fn dumps_are_those_of_the_reference() {
    let Some(dir) = conformance_dir() else { return };
    let sandboxes = tempfile::tempdir().unwrap();
    let root = sandboxes.path().to_str().unwrap();
    for folder in ["default", "experimental"] {
        for part in ["blocks", "data"] {
            let path = dir.join("datadirs").join(folder).join(part);
            let found =
                tsdb(&["dump", "--sandbox-dir-root", root, path.to_str().unwrap()]).unwrap();
            let mut expected = String::new();
            let recorded = fs::File::open(path.with_extension("dump.gz")).unwrap();
            GzDecoder::new(recorded).read_to_string(&mut expected).unwrap();
            let expected = expected.lines().collect::<Vec<_>>();
            let found = as_recorded(&found);
            assert_eq!(found.len(), expected.len(), "{folder}/{part}");
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(*found, expected, "{folder}/{part}");
            }
        }
    }
}

/// Returns the lines of a dump that 3.14.0 would have written. It wrote the floats of a series up to the
/// first histogram, lost that one and the next, and wrote the histograms up to the next float. Its
/// successor writes all.
fn as_recorded(dump: &str) -> Vec<&str> {
    let mut kept = Vec::new();
    let (mut series, mut histogram_count, mut is_over) = ("", 0, false);
    for line in dump.lines() {
        let labels = &line[..line.find("\"} ").unwrap()];
        if labels != series {
            (series, histogram_count, is_over) = (labels, 0, false);
        }
        let is_histogram = line[labels.len() + 3..].starts_with('{');
        histogram_count += usize::from(is_histogram);
        is_over |= histogram_count > 0 && !is_histogram;
        if !is_over && (histogram_count == 0 || histogram_count > 2) {
            kept.push(line);
        }
    }
    kept
}
