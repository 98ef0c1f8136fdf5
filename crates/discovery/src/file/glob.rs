//! Which files a pattern names.

use std::{fs, io};

/// A pattern has a `[` without its `]`, or ends in a backslash.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub(crate) struct PatternError;

/// Returns the paths that exist and fit `pattern`, sorted within each folder.
///
/// In each element of the path, `*` stands for any text, `?` for one character, `[a-z]` for one of
/// them, `[^a-z]` for one of the others, and a backslash takes the next character as it is. A folder
/// that cannot be read has no files.
///
/// # Source
///
/// `Glob` and `Match` in Go's `path/filepath`. Names that are no UTF-8 are left out.
pub(crate) fn expand(pattern: &str) -> Result<Vec<String>, PatternError> {
    let (mut paths, pattern) = match pattern.strip_prefix('/') {
        Some(rest) => (vec!["/".to_owned()], rest),
        None => (vec![String::new()], pattern),
    };
    for element in pattern.split('/').filter(|element| !element.is_empty()) {
        if !element.contains(['*', '?', '[', '\\']) {
            for path in &mut paths {
                push(path, element);
            }
            continue;
        }
        matches(element, "")?;
        let mut deeper = Vec::new();
        for folder in paths {
            // As in the reference: what cannot be read is taken for empty.
            for name in names(&folder).unwrap_or_default() {
                if matches(element, &name)? {
                    let mut path = folder.clone();
                    push(&mut path, &name);
                    deeper.push(path);
                }
            }
        }
        paths = deeper;
    }
    paths.retain(|path| fs::symlink_metadata(path).is_ok());
    Ok(paths)
}

fn push(path: &mut String, element: &str) {
    if !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(element);
}

/// Returns the sorted names in `folder`, of which the empty one is the working directory.
fn names(folder: &str) -> io::Result<Vec<String>> {
    let folder = if folder.is_empty() { "." } else { folder };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Returns whether `name` fits `pattern`, an element of a path.
pub(super) fn matches(pattern: &str, name: &str) -> Result<bool, PatternError> {
    let pattern = pattern.chars().collect::<Vec<_>>();
    let name = name.chars().collect::<Vec<_>>();
    let (mut at, mut place) = (0, 0);
    // Where to go on if what follows the last star does not fit: one character later.
    let mut retry = None;
    loop {
        if pattern.get(at) == Some(&'*') {
            at += 1;
            retry = Some((at, place + 1));
            continue;
        }
        if at == pattern.len() && place == name.len() {
            return Ok(true);
        }
        let fits = match pattern.get(at) {
            None => None,
            Some(_) => one(&pattern[at..], name.get(place).copied())?,
        };
        if let Some(length) = fits {
            at += length;
            place += 1;
            continue;
        }
        match retry {
            Some((after_star, next)) if next <= name.len() => {
                (at, place) = (after_star, next);
                retry = Some((after_star, next + 1));
            }
            _ => return check_rest(&pattern[at.min(pattern.len())..]).map(|()| false),
        }
    }
}

/// Makes sure that a pattern that did not fit is one at all.
fn check_rest(mut pattern: &[char]) -> Result<(), PatternError> {
    while let Some(first) = pattern.first() {
        let length = if *first == '*' { 1 } else { element_length(pattern)? };
        pattern = &pattern[length..];
    }
    Ok(())
}

/// Returns how much of `pattern` stands for one character.
fn element_length(pattern: &[char]) -> Result<usize, PatternError> {
    match pattern {
        ['\\'] => Err(PatternError),
        ['\\', ..] => Ok(2),
        ['[', set @ ..] => Set::parse(set).map(|set| set.length + 1),
        _ => Ok(1),
    }
}

/// Returns how much of `pattern` stands for the character `c`, or `None` if its start does not.
fn one(pattern: &[char], c: Option<char>) -> Result<Option<usize>, PatternError> {
    let length = element_length(pattern)?;
    let Some(c) = c else { return Ok(None) };
    let fits = match pattern {
        ['?', ..] => true,
        ['\\', literal, ..] => *literal == c,
        ['[', set @ ..] => Set::parse(set)?.contains(c),
        [literal, ..] => *literal == c,
        [] => false,
    };
    Ok(fits.then_some(length))
}

/// What stands between brackets.
struct Set {
    ranges: Vec<(char, char)>,
    negated: bool,
    /// With the closing bracket.
    length: usize,
}

impl Set {
    /// Reads what follows the opening bracket.
    fn parse(text: &[char]) -> Result<Self, PatternError> {
        let negated = text.first() == Some(&'^');
        let mut at = usize::from(negated);
        let mut ranges = Vec::new();
        loop {
            if text.get(at) == Some(&']') && !ranges.is_empty() {
                return Ok(Self { ranges, negated, length: at + 1 });
            }
            let low = Self::character(text, &mut at)?;
            let mut high = low;
            if text.get(at) == Some(&'-') {
                at += 1;
                high = Self::character(text, &mut at)?;
            }
            ranges.push((low, high));
        }
    }

    fn character(text: &[char], at: &mut usize) -> Result<char, PatternError> {
        let mut c = *text.get(*at).ok_or(PatternError)?;
        if c == '-' || c == ']' {
            return Err(PatternError);
        }
        if c == '\\' {
            *at += 1;
            c = *text.get(*at).ok_or(PatternError)?;
        }
        *at += 1;
        Ok(c)
    }

    fn contains(&self, c: char) -> bool {
        self.ranges.iter().any(|&(low, high)| (low..=high).contains(&c)) != self.negated
    }
}
