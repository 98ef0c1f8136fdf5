use crate::Span;

/// One word, number, string or sign of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

/// What a [`Token`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// The end of the query.
    Eof,
    /// Where the query has no token: [`Lexer::error`](crate::Lexer::error) tells why.
    Invalid,
    /// `# to the end of the line`
    Comment,
    /// A name without colons that is no keyword.
    Identifier,
    /// A name with colons.
    MetricIdentifier,
    /// A number, also `inf` and `nan`. Its digits may still be malformed.
    Number,
    /// `1h30m`. Its units may still be malformed.
    Duration,
    /// Text in quotes or backticks, whose escapes are well formed.
    String,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `{`
    LeftBrace,
    /// `}`
    RightBrace,
    /// `[`
    LeftBracket,
    /// `]`
    RightBracket,
    /// `,`
    Comma,
    /// `:` between range and step
    Colon,
    /// `=`
    Assign,
    /// `=~`
    Match,
    /// `!~`
    NotMatch,
    /// `@`
    At,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `==`
    Equal,
    /// `!=`, also between a label and its value
    NotEqual,
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `>=`
    GreaterEqual,
    /// `<=`
    LessEqual,
    /// `</`
    TrimUpper,
    /// `>/`
    TrimLower,
    /// A keyword, in any case.
    Keyword(Keyword),
}

macro_rules! keywords {
    ($($class:ident { $($name:ident $text:literal)* })*) => {
        /// A word with a meaning of its own where no label is expected.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Keyword {
            $($(#[doc = concat!("`", $text, "`")] $name,)*)*
        }

        impl Keyword {
            /// Every keyword.
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// Returns the keyword in lower case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$name => $text,)*)*
                }
            }

            /// Returns what kind of keyword this is.
            #[must_use]
            pub fn class(self) -> KeywordClass {
                match self {
                    $($(Self::$name)|* => KeywordClass::$class,)*
                }
            }
        }
    };
}

keywords! {
    Operator {
        And "and"
        Or "or"
        Unless "unless"
        Atan2 "atan2"
    }
    Aggregator {
        Sum "sum"
        Avg "avg"
        Count "count"
        Min "min"
        Max "max"
        Group "group"
        Stddev "stddev"
        Stdvar "stdvar"
        Topk "topk"
        Bottomk "bottomk"
        CountValues "count_values"
        Quantile "quantile"
        Limitk "limitk"
        LimitRatio "limit_ratio"
    }
    Modifier {
        Offset "offset"
        Smoothed "smoothed"
        Anchored "anchored"
        By "by"
        Without "without"
        On "on"
        Ignoring "ignoring"
        GroupLeft "group_left"
        GroupRight "group_right"
        Fill "fill"
        FillLeft "fill_left"
        FillRight "fill_right"
        Bool "bool"
    }
    Preprocessor {
        Start "start"
        End "end"
        Step "step"
        Range "range"
        MaxOf "max_of"
        MinOf "min_of"
    }
}

/// What kind of keyword a [`Keyword`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeywordClass {
    /// An operator between two expressions.
    Operator,
    /// An aggregation.
    Aggregator,
    /// A word that changes what stands beside it.
    Modifier,
    /// A time of the query, or a choice between durations: a function's name as well.
    Preprocessor,
}

impl Keyword {
    /// Returns the keyword that `word` is, in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::from_bytes(word.as_bytes())
    }

    #[inline]
    pub(crate) fn from_bytes(word: &[u8]) -> Option<Self> {
        let candidate = BY_HASH[hash(word)]?;
        candidate.as_str().as_bytes().eq_ignore_ascii_case(word).then_some(candidate)
    }
}

/// Returns the place of a word in [`BY_HASH`], the same in any case.
///
/// The length and three letters tell keywords apart; the factors were found by trying.
#[inline]
const fn hash(word: &[u8]) -> usize {
    let [first, second, ..] = word else { return 0 };
    let [first, second, last] = [*first | 0x20, *second | 0x20, word[word.len() - 1] | 0x20];
    (word.len() + 2 * first as usize + 2 * second as usize + 17 * last as usize) % BY_HASH_SIZE
}

/// Each keyword at its hash. No two share one: else this does not compile.
static BY_HASH: [Option<Keyword>; BY_HASH_SIZE] = {
    let mut table = [None; BY_HASH_SIZE];
    let mut index = 0;
    while index < Keyword::ALL.len() {
        let keyword = Keyword::ALL[index];
        let place = hash(keyword.as_str().as_bytes());
        assert!(table[place].is_none(), "two keywords have the same hash");
        table[place] = Some(keyword);
        index += 1;
    }
    table
};

const BY_HASH_SIZE: usize = 128;
