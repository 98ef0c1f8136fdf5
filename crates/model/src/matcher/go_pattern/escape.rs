use regex_syntax::hir::Look;

use super::class::{CharSet, PERL_CLASSES};
use super::{Parser, RegexError, RegexProblem};

impl<'p> Parser<'p> {
    /// Reads a backslash outside of brackets and what belongs to it.
    pub(super) fn take_escape(&mut self) -> Result<(), RegexError> {
        let start = self.rest;
        let look = match start.as_bytes().get(1) {
            Some(b'A') => Look::Start,
            Some(b'z') => Look::End,
            Some(b'b') => Look::WordAscii,
            Some(b'B') => Look::WordAsciiNegate,
            Some(b'Q') => {
                self.take_verbatim();
                return Ok(());
            }
            _ => {
                if let Some(set) = self.take_escaped_set()? {
                    return self.push_set(set);
                }
                let code = self.take_escaped_char()?;
                self.push_literal(code);
                return Ok(());
            }
        };
        self.skip(2);
        self.push_look(look);
        Ok(())
    }

    /// Reads `\Q…\E`, in which every character stands for itself.
    fn take_verbatim(&mut self) {
        self.skip(2);
        let (text, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
        for character in text.chars() {
            self.push_literal(u32::from(character));
        }
        self.rest = rest;
    }

    /// Reads `\d`, `\pL` or `\p{Greek}` where one stands here.
    pub(super) fn take_escaped_set(&mut self) -> Result<Option<CharSet>, RegexError> {
        let Some(letter) = self.rest.strip_prefix('\\').and_then(|rest| rest.chars().next()) else {
            return Ok(None);
        };
        if matches!(letter, 'p' | 'P') {
            return self.take_unicode_set(letter == 'P');
        }
        let class = PERL_CLASSES.iter().find(|(name, _)| *name == letter.to_ascii_lowercase());
        let Some((_, ranges)) = class else { return Ok(None) };
        self.skip(2);
        let mut set = CharSet::from_ascii(ranges);
        self.fold(&mut set)?;
        if letter.is_ascii_uppercase() {
            set.negate();
        }
        Ok(Some(set))
    }

    /// Reads `\pN`, `\p{Name}`, `\p{^Name}` and the same with `\P`, which negates.
    fn take_unicode_set(&mut self, negated: bool) -> Result<Option<CharSet>, RegexError> {
        let start = self.rest;
        self.skip(2);
        let name = match self.rest.strip_prefix('{') {
            None => {
                // At the end of the pattern that is no name, and so no class.
                self.take_char();
                &start[2..start.len() - self.rest.len()]
            }
            Some(rest) => {
                let Some((name, rest)) = rest.split_once('}') else {
                    return Err(self.error(RegexProblem::ClassRange, start));
                };
                self.rest = rest;
                name
            }
        };
        let (name, negated) = match name.strip_prefix('^') {
            Some(name) => (name, !negated),
            None => (name, negated),
        };
        let Some(mut set) = CharSet::from_unicode_name(name) else {
            return Err(self.error_since(RegexProblem::ClassRange, start));
        };
        self.fold(&mut set)?;
        if negated {
            set.negate();
        }
        Ok(Some(set))
    }

    /// Reads a backslash and the one character that it names, and returns the character's number,
    /// which may be that of a surrogate.
    pub(super) fn take_escaped_char(&mut self) -> Result<u32, RegexError> {
        let start = self.rest;
        self.skip(1);
        let Some(letter) = self.take_char() else {
            return Err(self.error(RegexProblem::TrailingBackslash, ""));
        };
        let code = match letter {
            'a' => Some(0x07),
            'f' => Some(0x0c),
            'n' => Some(0x0a),
            'r' => Some(0x0d),
            't' => Some(0x09),
            'v' => Some(0x0b),
            'x' => self.take_hex(),
            '0' => Some(self.take_octal(0)),
            // One such digit alone would refer back to a group.
            '1'..='7' if self.rest.starts_with(|next| matches!(next, '0'..='7')) => {
                Some(self.take_octal(u32::from(letter) - u32::from('0')))
            }
            _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() => Some(u32::from(letter)),
            _ => None,
        };
        code.ok_or_else(|| self.error_since(RegexProblem::Escape, start))
    }

    /// Reads up to two more octal digits after the first.
    fn take_octal(&mut self, first: u32) -> u32 {
        let mut code = first;
        for _ in 0..2 {
            let Some(digit) = self.rest.chars().next().and_then(|next| next.to_digit(8)) else {
                break;
            };
            self.skip(1);
            code = code * 8 + digit;
        }
        code
    }

    /// Reads `7f` or `{1f525}`.
    fn take_hex(&mut self) -> Option<u32> {
        let first = self.take_char()?;
        if first != '{' {
            let second = self.take_char()?;
            return Some(first.to_digit(16)? * 16 + second.to_digit(16)?);
        }
        let mut code = 0;
        let mut digit_count = 0;
        loop {
            let character = self.take_char()?;
            if character == '}' {
                return (digit_count > 0).then_some(code);
            }
            code = code * 16 + character.to_digit(16)?;
            if code > u32::from(char::MAX) {
                return None;
            }
            digit_count += 1;
        }
    }
}
