//! Patterns that need no automaton.
//!
//! Nearly all patterns of dashboards and scrape configurations are a list of literals or literals
//! between `.*`. Comparing texts is several times faster than the best automaton, and a list of
//! literals lets an index look values up instead of trying each. A property test holds every
//! shortcut against the automaton of the same pattern.

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look, Repetition};

/// How a text is compared in place of running an automaton.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shortcut {
    /// The text is one of these, which are sorted: `a|b`, `node-(1|2)`, `[ab]c`.
    Literals(Box<[Box<str>]>),
    /// Literals with gaps between them: `.*`, `.+`, `api.*`, `.*error.*`.
    Glob(Glob),
    /// As many characters as there are sets, each out of its set: `(?i)warning`.
    Choices(Box<[Choice]>),
    /// At least one of these matches.
    AnyOf(Box<[Shortcut]>),
}

/// A set of up to four characters; fewer are repeated. Four is the most that differ in case alone.
type Choice = [char; CHOICE_MAX];
const CHOICE_MAX: usize = 4;

/// `prefix`, and then each gap in its turn, the last of which ends the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Glob {
    prefix: Box<str>,
    /// Not empty.
    gaps: Box<[Gap]>,
}

/// Any characters, and then `literal`.
#[derive(Debug, PartialEq, Eq)]
struct Gap {
    /// The least number of characters.
    char_count_min: u32,
    literal: Box<str>,
}

/// How many texts a sequence of sets is multiplied out to, as in the reference.
const PRODUCT_MAX: usize = 256;

/// How many bytes the literals of a pattern may have in all.
const LITERALS_SIZE_MAX: usize = 4 << 20;

/// Up to here a text is searched step by step.
const SHORT_SIZE_MAX: usize = 64;

/// How many shortcuts are tried one after another; beyond that the automaton wins.
const ANY_OF_MAX: usize = 16;

impl Shortcut {
    pub(super) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Literals(literals) => match &**literals {
                [literal] => **literal == *text,
                literals => literals.binary_search_by(|literal| (**literal).cmp(text)).is_ok(),
            },
            Self::Glob(glob) => glob.is_match(text),
            Self::Choices(choices) => {
                let mut characters = text.chars();
                choices.iter().all(|choice| {
                    characters.next().is_some_and(|character| choice.contains(&character))
                }) && characters.next().is_none()
            }
            Self::AnyOf(shortcuts) => shortcuts.iter().any(|shortcut| shortcut.is_match(text)),
        }
    }

    /// Returns a literal that every match starts with; often empty.
    pub(super) fn prefix(&self) -> &str {
        match self {
            Self::Glob(glob) => &glob.prefix,
            Self::Literals(literals) => match &**literals {
                [literal] => literal,
                _ => "",
            },
            _ => "",
        }
    }
}

impl Glob {
    fn is_match(&self, text: &str) -> bool {
        let Some((last, inner)) = self.gaps.split_last() else { return false };
        // PERF: the empty literals of `.*` are not compared. An empty box points nowhere, and with
        // AVX-512 glibc's memcmp reads there under an empty mask, which costs 100 ns a time.
        if !self.prefix.is_empty() && !text.starts_with(&*self.prefix) {
            return false;
        }
        let mut rest = &text[self.prefix.len()..];
        // Taking each literal where it occurs first leaves the most to those after it.
        for gap in inner {
            let Some(after) = skip_chars(rest, gap.char_count_min) else { return false };
            let Some(after) = skip_literal(after, &gap.literal) else { return false };
            rest = after;
        }
        let Some(after) = skip_chars(rest, last.char_count_min) else { return false };
        last.literal.is_empty() || after.ends_with(&*last.literal)
    }
}

/// Returns `text` without its first `count` characters, or `None` where it has fewer.
fn skip_chars(text: &str, count: u32) -> Option<&str> {
    let mut characters = text.chars();
    for _ in 0..count {
        characters.next()?;
    }
    Some(characters.as_str())
}

/// Returns what follows the first `literal` in `text`.
fn skip_literal<'t>(text: &'t str, literal: &str) -> Option<&'t str> {
    // PERF: the search of the standard library takes longer to set up than to look through a name.
    let end = match literal.as_bytes() {
        [first, rest @ ..] if text.len() <= SHORT_SIZE_MAX => {
            let mut ends = literal.len()..=text.len();
            let bytes = text.as_bytes();
            ends.find(|end| {
                let start = end - literal.len();
                bytes[start] == *first && bytes[start + 1..*end] == *rest
            })?
        }
        _ => text.find(literal)? + literal.len(),
    };
    Some(&text[end..])
}

/// Returns the shortcut for a pattern that is seen to be a list of literals, or literals between `.*`
/// and `.+`, without reading it into a tree.
pub(super) fn read(pattern: &str) -> Option<Shortcut> {
    let is_special = |character| "\\.+*?()[]{}^$".contains(character);
    if !pattern.contains(is_special) {
        return Some(sorted_literals(pattern.split('|').collect()));
    }
    let (prefix, mut rest) = pattern.split_at(pattern.find('.')?);
    let mut gaps: Vec<Gap> = Vec::new();
    while !rest.is_empty() {
        let after = rest.strip_prefix('.')?;
        let char_count_min = u32::from(after.starts_with('+'));
        let after = after.strip_prefix(['*', '+'])?;
        let (literal, after) = after.split_at(after.find('.').unwrap_or(after.len()));
        match gaps.last_mut() {
            Some(last) if last.literal.is_empty() => {
                last.char_count_min += char_count_min;
                last.literal = literal.into();
            }
            _ => gaps.push(Gap { char_count_min, literal: literal.into() }),
        }
        rest = after;
    }
    let is_plain = |literal: &str| !literal.contains(is_special) && !literal.contains('|');
    if !is_plain(prefix) || !gaps.iter().all(|gap| is_plain(&gap.literal)) {
        return None;
    }
    Some(Shortcut::Glob(Glob { prefix: prefix.into(), gaps: gaps.into() }))
}

/// Returns the shortcut for a pattern that must match a whole text, if there is one.
///
/// This and what it calls descend into the tree, whose depth is bounded when the pattern is read.
pub(super) fn find(hir: &Hir) -> Option<Shortcut> {
    let pieces = pieces(hir);
    if let [piece] = &*pieces
        && let HirKind::Alternation(branches) = piece.kind()
    {
        return find_any_of(branches);
    }
    let literals = product(&pieces).map(sorted_literals);
    literals.or_else(|| glob(&pieces)).or_else(|| choices(&pieces))
}

fn find_any_of(branches: &[Hir]) -> Option<Shortcut> {
    let mut literals = Vec::new();
    let mut others = Vec::new();
    let mut size = 0;
    for branch in branches {
        match find(branch)? {
            Shortcut::Literals(list) => {
                size += list.iter().map(|literal| literal.len()).sum::<usize>();
                literals.extend(list);
            }
            Shortcut::AnyOf(list) => others.extend(list),
            other => others.push(other),
        }
        if size > LITERALS_SIZE_MAX || others.len() > ANY_OF_MAX {
            return None;
        }
    }
    if others.is_empty() {
        return Some(sorted_literals(literals));
    }
    if !literals.is_empty() {
        others.push(sorted_literals(literals));
    }
    Some(Shortcut::AnyOf(others.into()))
}

fn sorted_literals<T: Into<Box<str>>>(literals: Vec<T>) -> Shortcut {
    let mut literals: Vec<Box<str>> = literals.into_iter().map(Into::into).collect();
    literals.sort_unstable();
    literals.dedup();
    Shortcut::Literals(literals.into())
}

/// Returns the literal that every match of the pattern starts with; often empty.
pub(super) fn leading_literal(hir: &Hir) -> String {
    let mut prefix = String::new();
    for piece in pieces(hir) {
        let HirKind::Literal(literal) = piece.kind() else { break };
        let Ok(text) = str::from_utf8(&literal.0) else { break };
        prefix.push_str(text);
    }
    prefix
}

/// Returns what the pattern is a sequence of, without its groups, and without anchors at either
/// end, which say again what holds anyway.
fn pieces(hir: &Hir) -> Vec<&Hir> {
    let mut pieces = Vec::new();
    push_pieces(hir, &mut pieces);
    let is_end = |look| matches!(look, Look::End | Look::EndLF);
    while matches!(pieces.last().map(|last| last.kind()), Some(HirKind::Look(look)) if is_end(*look))
    {
        pieces.pop();
    }
    let is_start = |look| matches!(look, Look::Start | Look::StartLF);
    let anchor_count = pieces
        .iter()
        .take_while(|piece| matches!(piece.kind(), HirKind::Look(look) if is_start(*look)))
        .count();
    pieces.drain(..anchor_count);
    pieces
}

fn push_pieces<'h>(hir: &'h Hir, pieces: &mut Vec<&'h Hir>) {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Capture(capture) => push_pieces(&capture.sub, pieces),
        HirKind::Concat(parts) => {
            for part in parts {
                push_pieces(part, pieces);
            }
        }
        _ => pieces.push(hir),
    }
}

/// Returns every text that a sequence matches, if there are few.
fn product(pieces: &[&Hir]) -> Option<Vec<String>> {
    let mut texts = vec![String::new()];
    for piece in pieces {
        let tails = finite(piece)?;
        if texts.len() * tails.len() > PRODUCT_MAX.max(texts.len()).max(tails.len()) {
            return None;
        }
        let size = total_size(&texts) * tails.len() + total_size(&tails) * texts.len();
        if size > LITERALS_SIZE_MAX {
            return None;
        }
        texts = match (&mut *texts, &*tails) {
            // Long sequences of plain literals grow in place.
            ([text], [tail]) => {
                text.push_str(tail);
                texts
            }
            (texts, tails) => {
                let pairs = texts.iter().flat_map(|text| tails.iter().map(move |t| (text, t)));
                pairs.map(|(text, tail)| format!("{text}{tail}")).collect()
            }
        };
    }
    Some(texts)
}

fn total_size(texts: &[String]) -> usize {
    texts.iter().map(String::len).sum()
}

/// Returns every text that a part of a pattern matches, if there are few.
fn finite(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![String::new()]),
        HirKind::Literal(literal) => Some(vec![str::from_utf8(&literal.0).ok()?.to_owned()]),
        HirKind::Class(Class::Unicode(class)) => {
            let characters = class_chars(class, PRODUCT_MAX)?;
            Some(characters.into_iter().map(String::from).collect())
        }
        HirKind::Repetition(Repetition { min: 0, max: Some(1), sub, .. }) => {
            let mut texts = finite(sub)?;
            texts.push(String::new());
            Some(texts)
        }
        HirKind::Alternation(branches) => {
            let mut texts = Vec::new();
            for branch in branches {
                texts.extend(finite(branch)?);
                if total_size(&texts) > LITERALS_SIZE_MAX {
                    return None;
                }
            }
            Some(texts)
        }
        HirKind::Capture(_) | HirKind::Concat(_) => {
            let mut parts = Vec::new();
            push_pieces(hir, &mut parts);
            product(&parts)
        }
        _ => None,
    }
}

/// Returns the characters of a class, unless there are none or more than `count_max`.
fn class_chars(class: &ClassUnicode, count_max: usize) -> Option<Vec<char>> {
    let mut characters = Vec::new();
    for range in class.ranges() {
        let room = count_max - characters.len();
        characters.extend((range.start()..=range.end()).take(room + 1));
        if characters.len() > count_max {
            return None;
        }
    }
    (!characters.is_empty()).then_some(characters)
}

fn glob(pieces: &[&Hir]) -> Option<Shortcut> {
    let mut prefix = String::new();
    let mut gaps: Vec<(u32, String)> = Vec::new();
    for piece in pieces {
        match (piece.kind(), gaps.last_mut()) {
            (HirKind::Literal(literal), last) => {
                let text = str::from_utf8(&literal.0).ok()?;
                last.map_or(&mut prefix, |(_, literal)| literal).push_str(text);
            }
            (HirKind::Repetition(repetition), last) => {
                let char_count_min = unbounded_gap(repetition)?;
                match last {
                    Some((before, literal)) if literal.is_empty() => *before += char_count_min,
                    _ => gaps.push((char_count_min, String::new())),
                }
            }
            _ => return None,
        }
    }
    if gaps.is_empty() {
        return None;
    }
    let gaps = gaps
        .into_iter()
        .map(|(char_count_min, literal)| Gap { char_count_min, literal: literal.into() })
        .collect();
    Some(Shortcut::Glob(Glob { prefix: prefix.into(), gaps }))
}

/// Returns the least length of a repetition that matches any characters, as `.*` does.
fn unbounded_gap(repetition: &Repetition) -> Option<u32> {
    let Repetition { min, max: None, sub, .. } = repetition else { return None };
    let mut sub = &**sub;
    while let HirKind::Capture(capture) = sub.kind() {
        sub = &capture.sub;
    }
    let HirKind::Class(Class::Unicode(class)) = sub.kind() else { return None };
    let [range] = class.ranges() else { return None };
    ((range.start(), range.end()) == ('\0', char::MAX)).then_some(*min)
}

fn choices(pieces: &[&Hir]) -> Option<Shortcut> {
    let mut choices = Vec::new();
    for piece in pieces {
        match piece.kind() {
            HirKind::Literal(literal) => {
                let text = str::from_utf8(&literal.0).ok()?;
                choices.extend(text.chars().map(|character| [character; CHOICE_MAX]));
            }
            HirKind::Class(Class::Unicode(class)) => {
                let characters = class_chars(class, CHOICE_MAX)?;
                let mut choice = [*characters.first()?; CHOICE_MAX];
                choice[..characters.len()].copy_from_slice(&characters);
                choices.push(choice);
            }
            _ => return None,
        }
    }
    Some(Shortcut::Choices(choices.into()))
}
