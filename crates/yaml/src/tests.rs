use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use crate::{
    Inline, Position, Spanned, YamlError, deserialize_inline, from_str, null_as_default, snippet,
    to_string,
};

/// A small cousin of `prometheus.yml`, with everything that goes wrong in one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    #[serde(deserialize_with = "null_as_default")]
    jobs: Vec<Spanned<Option<Job>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    name: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "null_as_default")]
    limit: u64,
    honor: Option<bool>,
    even: Option<Even>,
    #[serde(default, deserialize_with = "null_as_default")]
    labels: BTreeMap<Spanned<String>, Spanned<Option<String>>>,
}

#[derive(Debug, PartialEq)]
struct Even(u64);

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        if number % 2 == 1 {
            return Err(serde::de::Error::custom(format_args!("{number} is odd")));
        }
        Ok(Self(number))
    }
}

fn read(text: &str) -> Result<File, YamlError> {
    from_str(text)
}

/// The first job of a text that reads.
fn job(text: &str) -> Job {
    let file = read(text).expect("the test's text reads");
    file.jobs.into_iter().next().and_then(|job| job.value).expect("the test's text has a job")
}

#[test]
fn every_error_names_its_place() {
    let cases = [
        ("bogus: 1", "line 1, column 1: unknown field `bogus`"),
        ("job: 1", "line 1, column 1: unknown field `job`, did you mean `jobs`?"),
        ("jobs:\n- name: a\n  bogus: hunter2", "line 3, column 3: jobs[0]: unknown field `bogus`"),
        (
            "jobs:\n- limit: abc",
            "line 2, column 10: jobs[0].limit: expected a whole number of at least 0",
        ),
        (
            "jobs:\n- limit: -1",
            "line 2, column 10: jobs[0].limit: expected a whole number of at least 0",
        ),
        ("jobs:\n- honor: maybe", "line 2, column 10: jobs[0].honor: expected true or false"),
        ("jobs:\n- {}\n- even: 3", "line 3, column 9: jobs[1].even: 3 is odd"),
        ("jobs:\n- name: a\n  name: b", "line 3, column 3: jobs[0]: field `name` already set"),
        ("jobs: []\njobs: []", "line 2, column 1: field `jobs` already set"),
        ("jobs:\n- name: [a]", "line 2, column 9: jobs[0].name: expected text"),
        ("jobs: abc", "line 1, column 7: jobs: expected a list"),
        ("jobs:\n- abc", "line 2, column 3: jobs[0]: expected a map"),
        ("jobs:\n- name: \"a", "line 2, column 9: jobs[0]: unclosed quote"),
        ("jobs: []\n---\njobs: []", "line 3, column 1: more than one YAML document"),
        (
            "jobs:\n- name: !!binary /w==",
            "line 2, column 18: jobs[0].name: !!binary value is not UTF-8 text",
        ),
        ("- a", "line 1, column 1: expected a map"),
    ];
    for (text, expected) in cases {
        let error = read(text).map(|_| ()).expect_err(text);
        assert_eq!(error.to_string(), expected, "{text:?}");
    }
}

#[test]
fn null_and_nothing_are_absent() {
    for text in ["", "# only a comment\n", "jobs:", "jobs: null", "jobs: ~", "jobs: []"] {
        assert!(read(text).expect(text).jobs.is_empty(), "{text:?}");
    }
    let job = job("jobs:\n- name:\n  limit:\n  labels:\n");
    assert!(job.name.is_none() && job.limit == 0 && job.labels.is_empty());
}

#[test]
fn a_null_element_keeps_its_place() {
    let file = read("jobs:\n- name: a\n- null\n-\n").expect("reads");
    let places: Vec<_> =
        file.jobs.iter().map(|job| (job.value.is_some(), job.position.line)).collect();
    assert_eq!(places, [(true, 2), (false, 3), (false, 4)]);
}

#[test]
fn scalars_read_as_prometheus_reads_them() {
    let job = job(
        "jobs:\n- name: 010\n  honor: yes\n  even: 4\n  labels: {port: 8080, f: 1.50, no: no}\n",
    );
    assert_eq!(job.name.map(|name| name.value), Some("010".to_owned()));
    assert_eq!((job.honor, job.even), (Some(true), Some(Even(4))));
    let labels: Vec<_> = job.labels.iter().map(|(k, v)| (&*k.value, v.value.as_deref())).collect();
    assert_eq!(labels, [("f", Some("1.50")), ("no", Some("no")), ("port", Some("8080"))]);
}

#[test]
fn merge_keys_and_aliases_work() {
    let file = read("jobs:\n- &base\n  name: a\n  limit: 1\n- <<: *base\n  limit: 2\n- *base\n");
    let jobs: Vec<_> = file.expect("reads").jobs.into_iter().filter_map(|job| job.value).collect();
    let seen: Vec<_> = jobs.iter().map(|job| (job.name.is_some(), job.limit)).collect();
    assert_eq!(seen, [(true, 1), (true, 2), (true, 1)]);
}

#[test]
fn a_spanned_value_knows_its_place() {
    let job = job("jobs:\n- labels:\n    env: prod\n");
    let (name, value) = job.labels.first_key_value().expect("one label");
    assert_eq!(name.position, Position { line: 3, column: 5 });
    assert_eq!(value.position, Position { line: 3, column: 10 });
}

#[test]
fn hostile_documents_are_refused() {
    // Nine aliases to nine aliases to nine …: 9^9 strings if it were expanded.
    let mut bomb = "a: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let alias = format!("*a{}", level - 1);
        bomb += &format!("k{level}: &a{level} [{}]\n", [alias.as_str(); 9].join(", "));
    }
    type Tree = BTreeMap<String, serde::de::IgnoredAny>;
    assert!(from_str::<Tree>(&bomb).is_err());
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(from_str::<serde::de::IgnoredAny>(&deep(crate::DEPTH_MAX)).is_ok());
    assert!(from_str::<serde::de::IgnoredAny>(&deep(crate::DEPTH_MAX + 1)).is_err());
    assert!(from_str::<serde::de::IgnoredAny>(&deep(100_000)).is_err());
}

#[test]
fn one_anchor_serves_many() {
    let text = "- &base {name: a, limit: 1}\n".to_owned() + &"- <<: *base\n".repeat(20_000);
    assert_eq!(from_str::<Vec<Job>>(&text).expect("reads").len(), 20_001);
}

#[test]
fn a_large_file_reads() {
    let text = "- {name: a, limit: 1}\n".repeat(60_000);
    assert_eq!(from_str::<Vec<Job>>(&text).expect("reads").len(), 60_000);
}

#[test]
fn a_snippet_points_at_the_column() {
    let text = "a:\n\tb: 1\n";
    assert_eq!(snippet(text, Position { line: 2, column: 2 }), "2 | \tb: 1\n  | \t^");
    assert_eq!(snippet(text, Position { line: 10, column: 9 }), "10 | \n   | ^");
    assert_eq!(snippet("", Position::default()), "0 | \n  | ^");
}

proptest! {
    #[test]
    fn any_text_reads_or_is_refused(text in "[a-z:\\-\\[\\]{}&*!|>'\"#%@` \n\t0-9,~<]{0,200}") {
        let _: Result<File, _> = read(&text);
        let _ = from_str::<serde::de::IgnoredAny>(&text);
    }

    #[test]
    fn strings_survive_writing_and_reading(map: BTreeMap<String, String>) {
        let text = to_string(&map).expect("strings have a form");
        let back: BTreeMap<String, String> = from_str(&text).expect(&text);
        prop_assert_eq!(back, map);
    }
}

/// Keys that stand beside those of [`Side`]'s owner.
#[derive(Default)]
struct Side {
    port: u64,
    label: String,
}

impl Inline for Side {
    fn keys(&self) -> &'static [&'static [&'static str]] {
        &[&["port"], &["label"]]
    }

    fn read<'de, A: serde::de::MapAccess<'de>>(
        &mut self,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "port" => self.port = map.next_value()?,
            _ => self.label = map.next_value()?,
        }
        Ok(())
    }
}

struct Owner(Job, Side);

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut side = Side { port: 80, ..Side::default() };
        Ok(Self(deserialize_inline(deserializer, &mut side)?, side))
    }
}

#[test]
fn two_types_share_a_map() {
    let owners: Vec<Owner> =
        from_str("- label: 010\n  name: 1.50\n  port: 9\n- {name: b}\n- {port: 8, label: x}")
            .expect("reads");
    let seen: Vec<_> = owners
        .iter()
        .map(|Owner(job, side)| {
            (job.name.as_ref().map(|name| &*name.value), &*side.label, side.port)
        })
        .collect();
    let expected = [(Some("1.50"), "010", 9), (Some("b"), "", 80), (None, "x", 8)];
    assert_eq!(seen, expected);
}

#[test]
fn errors_in_a_shared_map_name_their_place() {
    let cases = [
        ("- bogus: 1", "line 1, column 3: [0]: unknown field `bogus`"),
        ("- labl: 1", "line 1, column 3: [0]: unknown field `labl`, did you mean `label`?"),
        (
            "- port: 1\n  limi: 1",
            "line 2, column 3: [0]: unknown field `limi`, did you mean `limit`?",
        ),
        ("- port: x", "line 1, column 9: [0].port: expected a whole number of at least 0"),
        ("- limit: x", "line 1, column 10: [0].limit: expected a whole number of at least 0"),
        ("- port: 1\n  port: 2", "line 2, column 3: [0]: field `port` already set"),
        ("- x", "line 1, column 3: [0]: expected a map"),
    ];
    for (text, expected) in cases {
        let error = from_str::<Vec<Owner>>(text).map(|_| ()).expect_err(text);
        assert_eq!(error.to_string(), expected, "{text:?}");
    }
}
