use proptest::prelude::*;

use crate::{Keyword, Lexer, TokenKind};

/// Returns the tokens as their texts, or the error with the offset where it starts.
fn lex(query: &str) -> Result<Vec<(TokenKind, &str)>, (u32, String)> {
    Lexer::new(query)
        .map(|token| match token {
            Ok(token) => Ok((token.kind, token.span.text(query))),
            Err(error) => Err((error.span.start, error.to_string())),
        })
        .collect()
}

#[test]
fn kinds_of_single_tokens() {
    use TokenKind::{Duration, Identifier, MetricIdentifier, Number, String};
    let cases = [
        ("1", Number),
        (".5", Number),
        ("2.", Number),
        ("1e-3", Number),
        ("0X_1F", Number),
        ("1_000", Number),
        ("InF", Number),
        ("nan", Number),
        ("5m", Duration),
        ("1y2w3d4h5m6s7ms", Duration),
        ("1.5m", Duration),
        ("up", Identifier),
        ("_a1", Identifier),
        ("fill", Identifier),
        ("job:up", MetricIdentifier),
        (":", MetricIdentifier),
        ("\"a\\\"b\\x41\\u00e9\\101\"", String),
        ("'it\"s'", String),
        ("`a\nb`", String),
        ("</", TokenKind::TrimUpper),
        ("# all of it", TokenKind::Comment),
        ("GROUP_left", TokenKind::Keyword(Keyword::GroupLeft)),
        ("count_values", TokenKind::Keyword(Keyword::CountValues)),
    ];
    for (query, kind) in cases {
        assert_eq!(lex(query), Ok(vec![(kind, query)]), "{query}");
    }
}

#[test]
fn every_keyword_is_found() {
    for &keyword in Keyword::ALL {
        assert_eq!(Keyword::parse(&keyword.as_str().to_uppercase()), Some(keyword));
    }
    assert_eq!(Keyword::parse("count_values_"), None);
}

#[test]
fn words_mean_different_things_between_brackets() {
    let kinds = |query| {
        let tokens = lex(query).unwrap();
        tokens.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>()
    };
    let step = TokenKind::Keyword(Keyword::Step);
    assert_eq!(kinds("{sum=\"\"}")[1], TokenKind::Identifier);
    assert_eq!(kinds("a[STEP()]")[2], step);
    assert_eq!(kinds("a[1+step()]")[4], step);
    assert_eq!(kinds("a[1:2]")[3], TokenKind::Colon);
    assert_eq!(kinds("a fill (1)")[1], TokenKind::Keyword(Keyword::Fill));
}

#[test]
fn errors_in_the_reference_s_words() {
    let cases = [
        ("(", 1, "unclosed left parenthesis"),
        ("a)", 2, "unexpected right parenthesis ')'"),
        ("a[5m", 4, "unclosed left bracket"),
        ("a[", 2, "unexpected end of input in duration expression"),
        ("a[5m[", 4, "unexpected left bracket '['"),
        ("]", 0, "unexpected right bracket ']'"),
        ("{", 1, "unexpected end of input inside braces"),
        ("{{", 1, "unexpected left brace '{'"),
        ("{a!b}", 2, "unexpected character after '!' inside braces: 'b'"),
        ("{1", 1, "unexpected character inside braces: '1'"),
        ("}", 0, "unexpected character: '}'"),
        ("a & b", 2, "unexpected character: '&'"),
        ("\u{1}", 0, "unexpected character: '\\x01'"),
        ("日本", 0, "unexpected character: '日'"),
        ("a =~ b", 2, "unexpected character after '=': '~'"),
        ("!", 0, "unexpected character after '!': '\u{fffd}'"),
        ("a[5m#]", 6, "unclosed left bracket"),
        ("a[#", 2, "unexpected character in duration expression: '#'"),
        ("a[b]", 2, "unexpected character in duration expression: 'b'"),
        ("a[5m b]", 5, "unexpected character: 'b', expected ':'"),
        ("a[:1]", 3, "unexpected colon before duration in duration expression"),
        ("a[1:2:3]", 5, "unexpected colon ':'"),
        ("1.5.2", 0, "bad number or duration syntax: \"1.5.\""),
        ("5mx", 0, "bad number or duration syntax: \"5mx\""),
        ("5m3", 0, "bad number or duration syntax: \"5m3\""),
        ("1__0", 0, "bad number or duration syntax: \"1__\""),
        ("\"a", 0, "unterminated quoted string"),
        ("\"a\nb\"", 0, "unterminated quoted string"),
        ("`a", 0, "unterminated raw string"),
        ("\"\\q\"", 0, "unknown escape sequence U+0071 'q'"),
        ("\"\\xg\"", 0, "illegal character U+0067 'g' in escape sequence"),
        ("\"\\x", 0, "escape sequence not terminated"),
        ("\"\\ud800\"", 0, "escape sequence is an invalid Unicode code point"),
        ("\"\\777\"", 0, "escape sequence is an invalid Unicode code point"),
        ("\"\u{fffd}\"", 0, "invalid UTF-8 rune"),
    ];
    for (query, start, message) in cases {
        assert_eq!(lex(query), Err((start, message.to_owned())), "{query}");
    }
}

#[test]
fn lines_and_columns_count_from_one() {
    let tokens: Vec<_> = Lexer::new("a\n  b").map(Result::unwrap).collect();
    assert_eq!(tokens[1].span.line_column("a\n  b"), Some((2, 3)));
    assert_eq!(tokens[1].span.line_column("a"), None);
    assert_eq!(crate::Span::default().line_column(""), None);
}

proptest! {
    #[test]
    fn tokens_cover_the_query_but_for_blanks(query in "[a-f0-9 +/<>=!~@#(){}\\[\\]:.,\"'`\\\\xé\n]{0,40}") {
        let mut end = 0;
        for token in Lexer::new(&query) {
            let Ok(token) = token else { return Ok(()) };
            let range = token.span.range();
            prop_assert!(query[end..range.start].chars().all(|c| " \n".contains(c)));
            prop_assert!(!range.is_empty());
            end = range.end;
        }
        prop_assert!(query[end..].trim().is_empty());
    }

    #[test]
    fn any_text_ends_without_a_panic(query in any::<String>()) {
        let mut lexer = Lexer::new(&query);
        // Every token but the last takes at least a byte.
        for _ in 0..=query.len() {
            lexer.next_token();
        }
        let last = lexer.next_token().kind;
        prop_assert!(matches!((last, lexer.error()), (TokenKind::Eof, None) | (TokenKind::Invalid, Some(_))));
    }
}
