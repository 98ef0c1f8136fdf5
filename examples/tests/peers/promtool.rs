//! Our promtool beside the real one, on the same blocks.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use narthex_cli::promtool::{Console, PromtoolFlags, run};
use narthex_examples::peer;

/// The two programs.
pub(crate) struct Tools {
    theirs: PathBuf,
}

impl Tools {
    pub(crate) fn new(theirs: PathBuf) -> Self {
        Self { theirs }
    }

    /// Returns what both print, ours first.
    pub(crate) fn run_both(&self, arguments: &[&str]) -> (String, String) {
        (Self::ours(arguments), self.theirs(arguments))
    }

    fn theirs(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.theirs).arg("tsdb").args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn ours(arguments: &[&str]) -> String {
        let words = ["promtool", "tsdb"].iter().chain(arguments);
        let flags = PromtoolFlags::try_parse_from(words).unwrap();
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let code = run(&flags, &mut Console::quiet(&mut out), &mut errors);
        let errors = String::from_utf8(errors).unwrap();
        assert!(
            format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS),
            "{arguments:?}: {errors}"
        );
        String::from_utf8(out).unwrap()
    }
}

/// Checks that both print the same, and shows the first line that differs.
#[track_caller]
pub(crate) fn assert_same_text(ours: &str, theirs: &str, what: &str) {
    let lines = ours.lines().zip(theirs.lines());
    for (number, (ours, theirs)) in lines.enumerate() {
        assert_eq!(ours, theirs, "{what}, line {}", number + 1);
    }
    assert_eq!(ours.lines().count(), theirs.lines().count(), "{what}: lines");
}

/// Checks that two analyses with all items say the same. The peer calls one line otherwise, and writes
/// items of equal count in any order.
pub(crate) fn assert_same_analysis(ours: &str, theirs: &str) {
    let sorted = |text: &str| {
        let text = text.replace("Total Series: ", "Series: ");
        let sections = text.split("\n\n").map(|section| {
            let mut lines = section.lines().map(str::to_owned).collect::<Vec<_>>();
            lines.sort_unstable();
            lines
        });
        sections.collect::<Vec<_>>()
    };
    assert_eq!(sorted(ours), sorted(theirs));
}

/// Eight hours of samples of many shapes.
fn page() -> String {
    let mut page = String::from("# TYPE a counter\n# TYPE h histogram\n");
    for minute in 0..480 {
        let time = 1_699_999_200 + minute * 60;
        for number in 0..40 {
            let value = f64::from(minute * number) / f64::from(1 + number % 3);
            writeln!(page, "a{{n=\"{number}\",path=\"/x\\\\y\\\"\"}} {value} {time}.{number:03}")
                .unwrap();
            if minute / 60 == number % 8 {
                writeln!(page, "short{{n=\"{number}\"}} {} {time}", minute % 7).unwrap();
            }
        }
        for bound in ["1.0", "2.5", "+Inf"] {
            writeln!(page, "h_bucket{{le=\"{bound}\"}} {minute} {time}").unwrap();
        }
    }
    page.push_str("# EOF\n");
    page
}

/// Returns the names of the blocks in a folder, oldest first.
fn blocks(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut blocks = entries.filter(|path| path.join("meta.json").is_file()).collect::<Vec<_>>();
    blocks.sort();
    blocks
}

/// Blocks of the one, seen by the other.
#[test]
fn both_say_the_same_of_the_same_blocks() {
    let Some(theirs) = peer("promtool") else { return };
    let tools = Tools::new(theirs);
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("page");
    fs::write(&input, page()).unwrap();
    let input = input.to_str().unwrap();
    for maker in ["ours", "theirs"] {
        let folder = dir.path().join(maker);
        let path = folder.to_str().unwrap();
        let command = ["create-blocks-from", "openmetrics", input, path];
        let printed = if maker == "ours" { Tools::ours(&command) } else { tools.theirs(&command) };
        assert!(blocks(&folder).len() >= 4);
        // The peer wants one to be there.
        fs::create_dir(folder.join("wal")).unwrap();
        for arguments in [
            &["list", path][..],
            &["list", "-r", path],
            &["dump", path],
            &["dump", "--min-time=1700003000000", "--max-time=1700009000000", path],
            &["dump", "--match={__name__=~'short|h_.*',n!='7'}", path],
        ] {
            let (ours, theirs) = tools.run_both(arguments);
            assert_same_text(&ours, &theirs, &format!("{maker}: {arguments:?}"));
            assert!(ours.lines().count() > 4, "{arguments:?}");
        }
        assert_eq!(printed, Tools::ours(&["list", path]));
        for block in blocks(&folder) {
            let id = block.file_name().unwrap().to_str().unwrap();
            let (ours, theirs) = tools.run_both(&["analyze", "--limit=100000", path, id]);
            assert_same_analysis(&ours, &theirs);
        }
    }
}

/// The blocks that ours makes of a page hold what those of the real one hold, and are no larger.
#[test]
fn blocks_of_both_hold_the_same_in_as_many_bytes() {
    let Some(theirs) = peer("promtool") else { return };
    let tools = Tools::new(theirs);
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("page");
    fs::write(&input, page()).unwrap();
    let input = input.to_str().unwrap();
    for flags in [&[][..], &["--max-block-duration=54h"]] {
        let folders =
            ["ours", "theirs"].map(|name| dir.path().join(format!("{name}{}", flags.len())));
        let [ours, theirs] = &folders;
        let command = |path: &Path| {
            let path = path.to_str().unwrap().to_owned();
            let words = ["create-blocks-from", "openmetrics", input].map(str::to_owned);
            words.into_iter().chain([path]).chain(flags.iter().map(|flag| (*flag).to_owned()))
        };
        let (our_command, their_command) =
            (command(ours).collect::<Vec<_>>(), command(theirs).collect::<Vec<_>>());
        Tools::ours(&our_command.iter().map(String::as_str).collect::<Vec<_>>());
        tools.theirs(&their_command.iter().map(String::as_str).collect::<Vec<_>>());
        let (ours, theirs) = (blocks(ours), blocks(theirs));
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let (our_size, their_size) = (size(ours), size(theirs));
            println!("{our_size} bytes of {their_size}");
            assert!(our_size <= their_size);
        }
    }
}

/// Returns how many bytes the files of a block have.
fn size(block: &Path) -> u64 {
    let files = ["index", "meta.json", "tombstones", "chunks/000001"];
    files.iter().map(|name| fs::metadata(block.join(name)).unwrap().len()).sum()
}
