//! Files by a pattern, as the reference's `filepath.Glob` finds them.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the files that a pattern names, in order of their names. A folder that cannot be read has
/// none. Each part of the path may hold `*`, `?`, `[a-z]`, `[^a]` and `\` before any of them.
pub(crate) fn glob(pattern: &str) -> Vec<PathBuf> {
    let is_absolute = pattern.starts_with('/');
    let mut found = vec![PathBuf::from(if is_absolute { "/" } else { "" })];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = match part.contains(['*', '?', '[', '\\']) {
            true => found.iter().flat_map(|folder| matching(folder, part)).collect(),
            false => found.into_iter().map(|folder| folder.join(part)).collect(),
        };
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    found
}

/// Returns what in `folder` has a name that fits `part`, in order.
fn matching(folder: &Path, part: &str) -> Vec<PathBuf> {
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(listed) else { return Vec::new() };
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.file_name()))
        .filter(|name| name.to_str().is_some_and(|name| fits(name, part)))
        .collect();
    names.sort();
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// Returns whether a name fits a pattern. A star that took too little takes more, so that the time
/// grows with the product of the two lengths at most.
fn fits(name: &str, pattern: &str) -> bool {
    let (name, pattern): (Vec<char>, Vec<char>) =
        (name.chars().collect(), pattern.chars().collect());
    let (mut at, mut next) = (0, 0);
    // Where to go on when the rest does not fit: behind the last star, one character later.
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() || next < pattern.len() {
        if pattern.get(next) == Some(&'*') {
            star = Some((next + 1, at + 1));
            next += 1;
            continue;
        }
        match name.get(at).and_then(|&character| one(character, &pattern[next..])) {
            Some(length) => (at, next) = (at + 1, next + length),
            None => match star {
                Some((behind, later)) if later <= name.len() => {
                    (at, next) = (later, behind);
                    star = Some((behind, later + 1));
                }
                _ => return false,
            },
        }
    }
    true
}

/// Returns how much of the pattern stands for this one character, if its beginning does.
fn one(character: char, pattern: &[char]) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == character).then_some(2),
        ['[', class @ ..] => {
            let end = class.iter().skip(1).position(|&end| end == ']')? + 1;
            let (class, negated) = match &class[..end] {
                ['^', class @ ..] => (class, true),
                class => (class, false),
            };
            (in_class(character, class) != negated).then_some(end + 2)
        }
        [plain, ..] => (*plain == character).then_some(1),
        [] => None,
    }
}

fn in_class(character: char, mut class: &[char]) -> bool {
    while let [first, rest @ ..] = class {
        if let ['-', last, after @ ..] = rest {
            if (*first..=*last).contains(&character) {
                return true;
            }
            class = after;
        } else {
            if *first == character {
                return true;
            }
            class = rest;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_patterns() {
        let cases = [
            ("*", "", true),
            ("*.yml", "a.yml", true),
            ("*.yml", "a.yaml", false),
            ("a*b*c", "aXbbYc", true),
            ("a*b*c", "aXbbY", false),
            ("?.yml", "é.yml", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[]", "]", false),
            ("[a", "a", false),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("a", "ab", false),
            ("", "", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(fits(name, pattern), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn files_come_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yml", "a.yml", "c.json"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = |pattern: &str| -> Vec<_> {
            let paths = glob(&format!("{}/{pattern}", folder.path().display()));
            paths.iter().map(|path| path.file_name().unwrap().to_owned()).collect()
        };
        assert_eq!(found("*.yml"), ["a.yml", "b.yml"]);
        assert_eq!(found("c.json"), ["c.json"]);
        assert!(found("none.yml").is_empty() && found("no/*.yml").is_empty());
    }
}
