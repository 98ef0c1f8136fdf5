use regex_syntax::hir::{Capture, Hir};

use super::{DEPTH_MAX, Flags, Parser, RegexError, RegexProblem};

/// A part of a pattern, and what bounds its growth.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) hir: Hir,
    /// How often counted repetitions within copy the part that they copy most.
    pub(super) copies: u32,
    /// How deep groups and repetitions nest within.
    pub(super) depth: usize,
}

impl Term {
    pub(super) fn leaf(hir: Hir) -> Self {
        Self { hir, copies: 1, depth: 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupKind {
    Plain,
    /// The number of the capture group.
    Capture(u32),
}

/// A group that is being read: the branches that are done, and the terms of the current one.
#[derive(Debug)]
pub(super) struct Group {
    kind: GroupKind,
    /// The flags that hold again when the group is closed.
    outer_flags: Flags,
    branches: Vec<Hir>,
    terms: Vec<Hir>,
    /// The last characters of the branch, not yet a term.
    literal: String,
    /// Those of the term read last, which an operator may take back.
    last: Bounds,
    /// The greatest of all terms.
    most: Bounds,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    copies: u32,
    depth: usize,
}

const LEAF: Bounds = Bounds { copies: 1, depth: 0 };

impl Group {
    pub(super) fn new(kind: GroupKind, outer_flags: Flags) -> Self {
        let (branches, terms) = (Vec::new(), Vec::new());
        Self { kind, outer_flags, branches, terms, literal: String::new(), last: LEAF, most: LEAF }
    }

    pub(super) fn push_char(&mut self, character: char) {
        self.literal.push(character);
    }

    pub(super) fn push(&mut self, term: Term) {
        self.flush_literal();
        self.terms.push(term.hir);
        self.last = Bounds { copies: term.copies, depth: term.depth };
        self.most.copies = self.most.copies.max(term.copies);
        self.most.depth = self.most.depth.max(term.depth);
    }

    /// Takes back the last term of the branch.
    pub(super) fn pop(&mut self) -> Option<Term> {
        if let Some(character) = self.literal.pop() {
            self.flush_literal();
            return Some(Term::leaf(literal(&character.to_string())));
        }
        let hir = self.terms.pop()?;
        Some(Term { hir, copies: self.last.copies, depth: self.last.depth })
    }

    pub(super) fn end_branch(&mut self) {
        self.flush_literal();
        self.branches.push(Hir::concat(std::mem::take(&mut self.terms)));
    }

    /// Returns the group as one term.
    pub(super) fn finish(mut self) -> Term {
        self.end_branch();
        let hir = Hir::alternation(self.branches);
        match self.kind {
            GroupKind::Plain => Term { hir, copies: self.most.copies, depth: self.most.depth },
            GroupKind::Capture(index) => {
                let hir = Hir::capture(Capture { index, name: None, sub: Box::new(hir) });
                Term { hir, copies: self.most.copies, depth: self.most.depth + 1 }
            }
        }
    }

    fn flush_literal(&mut self) {
        if !self.literal.is_empty() {
            self.terms.push(literal(&self.literal));
            self.literal.clear();
            self.last = LEAF;
        }
    }
}

fn literal(text: &str) -> Hir {
    Hir::literal(text.as_bytes())
}

impl<'p> Parser<'p> {
    /// Reads `(` and what belongs to it: `(?:`, `(?P<name>`, `(?i:`, or flags alone as `(?i)`.
    pub(super) fn open_group(&mut self) -> Result<(), RegexError> {
        let start = self.rest;
        let Some(after) = start.strip_prefix("(?") else {
            self.skip(1);
            return self.push_capture(None);
        };
        let named = after.strip_prefix("P<").or_else(|| after.strip_prefix('<'));
        match named {
            Some(name_start) if !name_start.is_empty() => self.open_named(start, name_start),
            _ => {
                self.rest = after;
                self.take_flags(start)
            }
        }
    }

    fn open_named(&mut self, start: &'p str, name_start: &'p str) -> Result<(), RegexError> {
        let Some((name, rest)) = name_start.split_once('>') else {
            return Err(self.error(RegexProblem::NamedCapture, start));
        };
        self.rest = rest;
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(legal) {
            return Err(self.error_since(RegexProblem::NamedCapture, start));
        }
        self.push_capture(Some(name))
    }

    fn push_capture(&mut self, name: Option<&str>) -> Result<(), RegexError> {
        let Ok(index) = u32::try_from(self.capture_names.len()) else {
            return Err(self.error(RegexProblem::TooLarge, self.pattern));
        };
        self.capture_names.push(name.map(Box::from));
        self.push_group(GroupKind::Capture(index))
    }

    fn push_group(&mut self, kind: GroupKind) -> Result<(), RegexError> {
        if self.outer.len() == DEPTH_MAX {
            return Err(self.error(RegexProblem::NestingDepth, self.pattern));
        }
        let group = Group::new(kind, self.flags);
        self.outer.push(std::mem::replace(&mut self.group, group));
        Ok(())
    }

    /// Reads flags and the `:` or `)` that ends them.
    fn take_flags(&mut self, start: &'p str) -> Result<(), RegexError> {
        let mut flags = self.flags;
        let (mut switch_on, mut flag_seen) = (true, false);
        while let Some(character) = self.take_char() {
            match character {
                'i' => flags.fold_case = switch_on,
                'm' => flags.multi_line = switch_on,
                's' => flags.dot_newline = switch_on,
                'U' => flags.swap_greed = switch_on,
                '-' if switch_on => {
                    switch_on = false;
                    flag_seen = false;
                    continue;
                }
                ':' | ')' if switch_on || flag_seen => {
                    if character == ':' {
                        self.push_group(GroupKind::Plain)?;
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            flag_seen = true;
        }
        Err(self.error_since(RegexProblem::PerlSyntax, start))
    }

    pub(super) fn close_group(&mut self) -> Result<(), RegexError> {
        let Some(outer) = self.outer.pop() else {
            return Err(self.error(RegexProblem::UnexpectedParen, self.pattern));
        };
        self.skip(1);
        let group = std::mem::replace(&mut self.group, outer);
        self.flags = group.outer_flags;
        self.push_nested(group.finish())
    }
}
