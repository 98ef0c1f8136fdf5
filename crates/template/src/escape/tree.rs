//! Walks templates and finds out where their actions stand.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Escaper;
use super::context::{Context, Delimiter, Js, Problem, State, UrlPart};
use super::js;
use super::transition::{after_text, find};
use crate::error::EscapeError;
use crate::format::Quoted;
use crate::syntax::{Block, Bodies, Body, ExprKind, Node, Pipe};

/// How deep blocks and calls may nest, together.
const DEPTH_MAX: usize = 100;

/// How many nodes are looked at: loops are walked twice, and so are those within them.
const VISITS_MAX: usize = 1 << 20;

/// What has been found out so far.
#[derive(Debug, Default)]
struct Findings {
    /// The contexts in which templates end, by the names that say in which they start.
    ends: HashMap<Arc<str>, Context>,
    /// The templates that were called.
    called: HashSet<Arc<str>>,
    edits: HashMap<Arc<str>, Edits>,
}

/// What changes in the nodes of a template.
type Edits = HashMap<usize, Edit>;

#[derive(Clone, Debug)]
enum Edit {
    Text(Arc<[u8]>),
    Escapers(Vec<Escaper>),
    Callee(Arc<str>),
}

/// Templates that are being made safe.
pub(super) struct Tree<'b> {
    bodies: &'b Bodies,
    findings: Findings,
    /// The templates that copies are copies of.
    originals: HashMap<Arc<str>, Arc<str>>,
    depth: usize,
    visits: usize,
}

/// A template that is being walked.
#[derive(Clone, Copy)]
struct Walk<'b, 'n> {
    body: &'b Body,
    /// Its name, which says in which context it starts.
    name: &'n Arc<str>,
}

/// The contexts in which a loop is left or goes on early.
#[derive(Debug, Default)]
struct Jumps {
    breaks: Vec<Context>,
    continues: Vec<Context>,
}

type Found = Result<Context, Problem>;

impl<'b> Tree<'b> {
    pub(super) fn new(bodies: &'b Bodies) -> Self {
        Self {
            bodies,
            findings: Findings::default(),
            originals: HashMap::new(),
            depth: 0,
            visits: 0,
        }
    }

    /// Makes the template called `name`, which starts in ordinary text, safe.
    pub(super) fn escape_root(&mut self, name: &str) -> Result<(), EscapeError> {
        let problem = match self.escape_template(&Context::default(), name, None) {
            Ok((end, _)) if end.state == State::Text => return Ok(()),
            Ok((end, _)) => Problem::new(format!("ends in a non-text context: {end}")),
            Err(problem) => problem,
        };
        self.depth = 0;
        Err(problem.into_error(name))
    }

    /// Returns the templates with all that has been found out.
    pub(super) fn finish(mut self) -> Bodies {
        let mut escaped = Bodies::new();
        for name in self.findings.ends.keys() {
            let original = self.originals.get(name).unwrap_or(name);
            let Some(body) = self.bodies.get(original) else { continue };
            let mut body = Body::clone(body);
            body.name = Arc::clone(name);
            for (node, edit) in self.findings.edits.remove(name).unwrap_or_default() {
                match (&mut body.nodes[node], edit) {
                    (Node::Text { text, .. }, Edit::Text(new)) => *text = new,
                    (Node::Action { escapers, .. }, Edit::Escapers(new)) => *escapers = new,
                    (Node::Template { name, .. }, Edit::Callee(new)) => *name = new,
                    _ => {}
                }
            }
            escaped.insert(Arc::clone(name), Arc::new(body));
        }
        escaped
    }

    /// Returns the context in which a template ends that starts in `context`, and the name of the
    /// copy of it that starts there.
    fn escape_template(
        &mut self,
        context: &Context,
        name: &str,
        place: Option<String>,
    ) -> Result<(Context, Arc<str>), Problem> {
        let mangled: Arc<str> = context.mangle(name).into();
        self.findings.called.insert(Arc::clone(&mangled));
        if let Some(end) = self.findings.ends.get(&mangled) {
            return Ok((end.clone(), mangled));
        }
        let Some(body) = self.bodies.get(name) else {
            let name = Quoted(name);
            return Err(Problem { place, text: format!("no such template {name}") });
        };
        self.originals.insert(Arc::clone(&mangled), Arc::clone(&body.name));
        self.descend(place)?;
        let walk = Walk { body, name: &mangled };
        let end = self.end_of(context, walk);
        self.depth -= 1;
        Ok((end?, mangled))
    }

    fn descend(&mut self, place: Option<String>) -> Result<(), Problem> {
        if self.depth == DEPTH_MAX {
            let text = format!("blocks and templates nest more than {DEPTH_MAX} deep");
            return Err(Problem { place, text });
        }
        self.depth += 1;
        Ok(())
    }

    /// Returns the context in which the template ends. Where it calls itself, that must be assumed
    /// first: the one in which it starts, or else the one that follows from that.
    fn end_of(&mut self, start: &Context, walk: Walk<'b, '_>) -> Found {
        let (end, good) = self.end_if(start, start, walk)?;
        if good {
            return Ok(end);
        }
        // As in the reference, what is assumed is also where it starts.
        let (second, good) = self.end_if(&end, &end, walk)?;
        if good {
            return Ok(second);
        }
        let name = walk.name;
        Err(Problem {
            place: None,
            text: format!("cannot compute output context for template {name}"),
        })
    }

    /// Returns the context in which the template ends if a call of it ends in `assumed`, and whether
    /// that fits. What was found out is kept only then.
    fn end_if(
        &mut self,
        start: &Context,
        assumed: &Context,
        walk: Walk<'b, '_>,
    ) -> Result<(Context, bool), Problem> {
        self.findings.ends.insert(Arc::clone(walk.name), assumed.clone());
        let ends = self.findings.ends.clone();
        self.visits += ends.len();
        let outer = std::mem::replace(&mut self.findings, Findings { ends, ..Findings::default() });
        let end = self.escape_nodes(start, walk, 0, walk.body.nodes.len(), &mut None);
        let inner = std::mem::replace(&mut self.findings, outer);
        let end = end.inspect_err(|_| {
            self.findings.ends.remove(walk.name);
        })?;
        let good = !inner.called.contains(walk.name) || *assumed == end;
        if good {
            self.findings.ends.extend(inner.ends);
            self.findings.ends.insert(Arc::clone(walk.name), end.clone());
            self.findings.called.extend(inner.called);
            self.findings.edits.extend(inner.edits);
        }
        Ok((end, good))
    }

    /// Returns the context behind the nodes from `from` to `to`.
    fn escape_nodes(
        &mut self,
        start: &Context,
        walk: Walk<'b, '_>,
        from: usize,
        to: usize,
        jumps: &mut Option<Jumps>,
    ) -> Found {
        let mut context = start.clone();
        let mut at = from;
        while at < to {
            self.visits += 1;
            if self.visits > VISITS_MAX {
                return Err(Problem::new("the templates take too long to be made safe"));
            }
            match &walk.body.nodes[at] {
                Node::Text { text, .. } => {
                    let (next, edited) = escape_text(context, text)?;
                    context = next;
                    if let Some(edited) = edited {
                        self.edit(walk, at, Edit::Text(edited.into()));
                    }
                }
                Node::Action { pipe, .. } => {
                    if pipe.variables.is_empty() {
                        let (next, escapers) = escape_action(&context, walk.body, pipe)?;
                        context = next;
                        self.edit(walk, at, Edit::Escapers(escapers));
                    }
                }
                Node::Template { at: offset, name, .. } => {
                    let place = Some(place(walk.body, *offset));
                    let (next, callee) = self.escape_template(&context, name, place)?;
                    context = next;
                    if callee != *name {
                        self.edit(walk, at, Edit::Callee(callee));
                    }
                }
                Node::Open { block, pipe, otherwise } => {
                    let place = place(walk.body, pipe.at);
                    self.descend(Some(place.clone()))?;
                    let branches = Branches::of(walk.body, at, *otherwise);
                    let joined = if *block == Block::Range {
                        self.escape_range(&context, walk, &branches, &place)
                    } else {
                        self.escape_branches(&context, walk, &branches, *block, &place, jumps)
                    };
                    self.depth -= 1;
                    context = joined?;
                    at = branches.end;
                }
                Node::Break | Node::Continue => {
                    if let Some(jumps) = jumps {
                        let ends = matches!(walk.body.nodes[at], Node::Break);
                        let list = if ends { &mut jumps.breaks } else { &mut jumps.continues };
                        list.push(context);
                    }
                    return Ok(Context::of(State::Dead));
                }
                Node::Else { .. } | Node::End => {}
            }
            at += 1;
        }
        Ok(context)
    }

    fn edit(&mut self, walk: Walk<'_, '_>, node: usize, edit: Edit) {
        let edits = self.findings.edits.entry(Arc::clone(walk.name)).or_default();
        edits.insert(node, edit);
    }

    fn escape_branches(
        &mut self,
        start: &Context,
        walk: Walk<'b, '_>,
        branches: &Branches,
        block: Block,
        place: &str,
        jumps: &mut Option<Jumps>,
    ) -> Found {
        let (from, to) = branches.first;
        let first = self.escape_nodes(start, walk, from, to, jumps)?;
        let (from, to) = branches.second;
        let second = self.escape_nodes(start, walk, from, to, jumps)?;
        join(&first, &second, block, place)
    }

    /// Returns the context behind a loop, whose turns must all start as the first does.
    fn escape_range(
        &mut self,
        start: &Context,
        walk: Walk<'b, '_>,
        branches: &Branches,
        place: &str,
    ) -> Found {
        let (from, to) = branches.first;
        let mut jumps = Some(Jumps::default());
        let mut first = self.escape_nodes(start, walk, from, to, &mut jumps)?;
        first = join_jumps(first, jumps, place)?;
        // What is found out of the second turn is not kept.
        let ends = self.findings.ends.clone();
        let outer = std::mem::replace(&mut self.findings, Findings { ends, ..Findings::default() });
        let mut jumps = Some(Jumps::default());
        let second = self.escape_nodes(&first, walk, from, to, &mut jumps);
        self.findings = outer;
        let joined = second.and_then(|second| join(&first, &second, Block::Range, place));
        let joined = joined.map_err(|problem| Problem {
            text: format!("on range loop re-entry: {}", problem.text),
            ..problem
        })?;
        let joined = join_jumps(joined, jumps, place)?;
        let (from, to) = branches.second;
        let second = self.escape_nodes(start, walk, from, to, &mut None)?;
        join(&joined, &second, Block::Range, place)
    }
}

/// Where the branches of a block start and end.
struct Branches {
    first: (usize, usize),
    second: (usize, usize),
    /// The node that ends the block.
    end: usize,
}

impl Branches {
    fn of(body: &Body, open: usize, otherwise: usize) -> Self {
        match body.nodes[otherwise - 1] {
            Node::Else { end } => {
                Self { first: (open + 1, otherwise - 1), second: (otherwise, end), end }
            }
            _ => Self {
                first: (open + 1, otherwise),
                second: (otherwise, otherwise),
                end: otherwise,
            },
        }
    }
}

fn place(body: &Body, offset: usize) -> String {
    let (line, column) = body.source.place(offset);
    format!("{}:{line}:{column}", body.source.name)
}

fn join(first: &Context, second: &Context, block: Block, place: &str) -> Found {
    first.join(second).ok_or_else(|| Problem {
        place: Some(place.to_owned()),
        text: format!(
            "{{{{{}}}}} branches end in different contexts: {first}, {second}",
            block.name()
        ),
    })
}

fn join_jumps(context: Context, jumps: Option<Jumps>, place: &str) -> Found {
    let Jumps { breaks, continues } = jumps.unwrap_or_default();
    let mut joined = context;
    for (contexts, kind) in [(breaks, "break"), (continues, "continue")] {
        for context in contexts {
            joined = join(&joined, &context, Block::Range, place).map_err(|problem| Problem {
                text: format!("at range loop {kind}: {}", problem.text),
                ..problem
            })?;
        }
    }
    Ok(joined)
}

/// Returns the context behind an action, and what its value goes through.
fn escape_action(
    context: &Context,
    body: &Body,
    pipe: &Pipe,
) -> Result<(Context, Vec<Escaper>), Problem> {
    let mut next = context.nudged();
    let fail = |text: String| Problem { place: Some(place(body, pipe.at)), text };
    let escapes_itself = predefined(pipe, &next).map_err(fail)?;
    let mut escapers = Vec::new();
    match next.state {
        State::Url
        | State::CssDoubleQuoted
        | State::CssSingleQuoted
        | State::CssDoubleQuotedUrl
        | State::CssSingleQuotedUrl
        | State::CssUrl => match next.url_part {
            UrlPart::Unknown => {
                let shown = format!("{{{{{pipe}}}}}");
                return Err(fail(format!("{shown} appears in an ambiguous context within a URL")));
            }
            UrlPart::QueryOrFragment => escapers.push(Escaper::Url),
            part => {
                if part == UrlPart::None {
                    escapers.push(Escaper::UrlFilter);
                }
                let is_text = matches!(next.state, State::CssDoubleQuoted | State::CssSingleQuoted);
                escapers.push(if is_text { Escaper::Css } else { Escaper::UrlNormalizer });
            }
        },
        State::Js => {
            escapers.push(Escaper::JsValue);
            // A slash behind a value divides.
            next.js = Js::Division;
        }
        State::JsDoubleQuoted | State::JsSingleQuoted => escapers.push(Escaper::JsText),
        State::JsTemplate => escapers.push(Escaper::JsTemplate),
        State::JsRegexp => escapers.push(Escaper::JsRegexp),
        State::Css => escapers.push(Escaper::CssValue),
        State::Text => escapers.push(Escaper::Html),
        State::Rcdata => escapers.push(Escaper::Rcdata),
        State::Srcset => escapers.push(Escaper::Srcset),
        State::AttributeName | State::Tag => {
            next.state = State::AttributeName;
            escapers.push(Escaper::HtmlName);
        }
        State::HtmlComment
        | State::JsBlockComment
        | State::JsLineComment
        | State::JsHtmlOpenComment
        | State::JsHtmlCloseComment
        | State::CssBlockComment
        | State::CssLineComment => escapers.push(Escaper::Comment),
        State::Attribute | State::AfterName | State::BeforeValue | State::Dead => {}
    }
    match next.delimiter {
        Delimiter::None => {}
        Delimiter::SpaceOrTagEnd => push_unless_redundant(&mut escapers, Escaper::NoSpace),
        Delimiter::DoubleQuote | Delimiter::SingleQuote => {
            push_unless_redundant(&mut escapers, Escaper::Attribute);
        }
    }
    if let Some(equivalents) = escapes_itself {
        escapers.retain(|escaper| !equivalents.contains(escaper));
    }
    Ok((next, escapers))
}

/// Adds an escaper unless the one before it leaves nothing for it to do.
fn push_unless_redundant(escapers: &mut Vec<Escaper>, escaper: Escaper) {
    let redundant = matches!(
        (escapers.last(), escaper),
        (Some(Escaper::Comment), _)
            | (
                Some(Escaper::Css | Escaper::JsRegexp | Escaper::JsText | Escaper::JsTemplate),
                Escaper::Attribute
            )
    );
    if !redundant {
        escapers.push(escaper);
    }
}

/// Returns the escapers that the last function of a pipeline stands in for, if it escapes.
fn predefined(pipe: &Pipe, context: &Context) -> Result<Option<&'static [Escaper]>, String> {
    let last = pipe.commands.len().saturating_sub(1);
    for (index, command) in pipe.commands.iter().enumerate() {
        let ExprKind::Function { name, .. } = &command.words[0].kind else { continue };
        let equivalents: &[Escaper] = match &**name {
            "html" => &[Escaper::Attribute, Escaper::Html, Escaper::Rcdata],
            "urlquery" => &[Escaper::Url, Escaper::UrlNormalizer],
            _ => continue,
        };
        let is_unquoted = context.state == State::Attribute
            && context.delimiter == Delimiter::SpaceOrTagEnd
            && &**name == "html";
        if index < last || is_unquoted {
            let name = Quoted(name);
            return Err(format!("predefined escaper {name} disallowed in template"));
        }
        return Ok(Some(equivalents));
    }
    Ok(None)
}

/// Returns the context behind `text`, and the text without comments and with its stray brackets
/// escaped, where that changes it.
fn escape_text(start: Context, text: &[u8]) -> Result<(Context, Option<Vec<u8>>), Problem> {
    let mut edited = Vec::new();
    let mut written = 0;
    let mut at = 0;
    let mut context = start;
    while at < text.len() {
        let (next, size) = after_text(&context, &text[at..])?;
        let end = at + size;
        if matches!(context.state, State::Text | State::Rcdata) {
            let mut text_end = end;
            if next.state != context.state {
                let tag = text[at..end].iter().rposition(|&byte| byte == b'<');
                text_end = tag.map_or(end, |tag| at + tag);
            }
            for bracket in at..text_end {
                let rest = &text[bracket..];
                let is_doctype =
                    rest.get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"<!DOCTYPE"));
                if rest[0] == b'<' && !is_doctype {
                    edited.extend_from_slice(&text[written..bracket]);
                    edited.extend_from_slice(b"&lt;");
                    written = bracket + 1;
                }
            }
        } else if context.state.is_comment() && context.delimiter == Delimiter::None {
            let comment = &text[written..end];
            let breaks = ["\n", "\r", "\u{2028}", "\u{2029}"];
            match context.state {
                State::JsBlockComment
                    if breaks.iter().any(|line| find(comment, line.as_bytes()).is_some()) =>
                {
                    edited.push(b'\n');
                }
                State::JsBlockComment | State::CssBlockComment => edited.push(b' '),
                _ => {}
            }
            written = end;
        } else if context.state.is_script_literal() {
            let literal = &text[at..end];
            let escaped = js::escape_script_tags(literal);
            if escaped != literal {
                edited.extend_from_slice(&text[written..at]);
                edited.extend_from_slice(&escaped);
                written = end;
            }
        }
        if context.state != next.state
            && next.state.is_comment()
            && next.delimiter == Delimiter::None
        {
            let marker = match next.state {
                State::HtmlComment | State::JsHtmlOpenComment => 4,
                State::JsHtmlCloseComment => 3,
                _ => 2,
            };
            edited.extend_from_slice(&text[written..end - marker]);
            written = end;
        }
        if size == 0 && next == context {
            return Err(Problem::new("the text cannot be read as a page"));
        }
        context = next;
        at = end;
    }
    if written == 0 {
        return Ok((context, None));
    }
    if !context.state.is_comment() || context.delimiter != Delimiter::None {
        edited.extend_from_slice(&text[written..]);
    }
    Ok((context, Some(edited)))
}
