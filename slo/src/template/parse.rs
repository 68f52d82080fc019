//! Tokens to nodes. Names of functions and variables are checked here, so that a mistake shows when a file is read.

use std::collections::BTreeMap;

use super::functions;
use super::lex::{Kind, Piece, Token, pieces};
use super::value::Value;
use super::{MAX_NESTING, Result, TemplateError};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(String),
    /// Writes its value, unless it sets variables.
    Action(Pipeline),
    Branch {
        kind: Branch,
        pipeline: Pipeline,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
    /// Renders what is defined by that name, with the value as its data.
    Template {
        name: String,
        data: Option<Pipeline>,
    },
    Break,
    Continue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Branch {
    If,
    With,
    Range,
}

/// Commands, each of which has the value of the one before as its last argument.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Pipeline {
    /// With their dollars; two only of `range`.
    pub(super) variables: Vec<String>,
    /// The variables are there already.
    pub(super) assigns: bool,
    pub(super) commands: Vec<Vec<Term>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) head: Head,
    /// The fields after it.
    pub(super) fields: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Head {
    Dot,
    Variable(String),
    Function(String),
    Constant(Value),
    Paren(Pipeline),
}

type Defined = BTreeMap<String, Vec<Node>>;

pub(super) fn parse(text: &str, variables: &[&str]) -> Result<(Vec<Node>, Defined)> {
    let mut parser = Parser {
        pieces: pieces(text)?.into_iter(),
        variables: ["$"].iter().chain(variables).map(|name| (*name).to_owned()).collect(),
        defined: Defined::new(),
        depth: 0,
        ranges: 0,
    };
    let (body, end) = parser.list()?;
    match end {
        None => Ok((body, parser.defined)),
        Some(end) => Err(TemplateError::new(format!("unexpected {{{{{}}}}}", end.word()))),
    }
}

struct Parser {
    pieces: std::vec::IntoIter<Piece>,
    /// Those that can be used where it is.
    variables: Vec<String>,
    defined: Defined,
    depth: usize,
    /// Ranges around, for `break` and `continue`.
    ranges: usize,
}

/// What ends a list of nodes.
enum End {
    End,
    /// With what comes after the word.
    Else(Vec<Token>),
}

impl End {
    fn word(&self) -> &'static str {
        match self {
            End::End => "end",
            End::Else(_) => "else",
        }
    }
}

impl Parser {
    /// The nodes up to `{{end}}`, `{{else}}` or the end of the text.
    fn list(&mut self) -> Result<(Vec<Node>, Option<End>)> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let tokens = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(tokens) => tokens,
            };
            let word = match tokens.first().map(|token| &token.kind) {
                Some(Kind::Word(word)) => word.clone(),
                _ => String::new(),
            };
            match word.as_str() {
                "end" if tokens.len() == 1 => return Ok((nodes, Some(End::End))),
                "else" => return Ok((nodes, Some(End::Else(tokens[1..].to_vec())))),
                "if" => nodes.push(self.branch(Branch::If, &tokens[1..])?),
                "with" => nodes.push(self.branch(Branch::With, &tokens[1..])?),
                "range" => nodes.push(self.branch(Branch::Range, &tokens[1..])?),
                "define" => {
                    self.define(&tokens[1..])?;
                }
                "block" => {
                    let (name, rest) = self.define(&tokens[1..])?;
                    nodes.push(self.call(name, &rest)?);
                }
                "template" => {
                    let (name, rest) = name_of(&tokens[1..])?;
                    nodes.push(self.call(name, rest)?);
                }
                "break" | "continue" if tokens.len() == 1 => {
                    if self.ranges == 0 {
                        return Err(TemplateError::new(format!("{{{{{word}}}}} outside {{{{range}}}}")));
                    }
                    nodes.push(if word == "break" { Node::Break } else { Node::Continue });
                }
                _ => nodes.push(Node::Action(self.whole(&tokens)?)),
            }
        }
        Ok((nodes, None))
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return Err(TemplateError::new(format!("nests deeper than {MAX_NESTING}")));
        }
        Ok(())
    }

    fn branch(&mut self, kind: Branch, tokens: &[Token]) -> Result<Node> {
        self.deeper()?;
        let known = self.variables.len();
        let pipeline = self.whole(tokens)?;
        if pipeline.variables.len() == 2 && kind != Branch::Range {
            return Err(TemplateError::new("too many variables to set"));
        }
        self.ranges += usize::from(kind == Branch::Range);
        let (body, end) = self.list()?;
        self.ranges -= usize::from(kind == Branch::Range);
        let otherwise = match end {
            Some(End::End) => Vec::new(),
            Some(End::Else(tokens)) => {
                // Variables of the condition are there too, those of the body are not.
                self.variables.truncate(known + pipeline.variables.len());
                self.otherwise(kind, &tokens)?
            }
            None => return Err(TemplateError::new("unexpected end of the text: {{end}} is missing")),
        };
        self.variables.truncate(known);
        self.depth -= 1;
        Ok(Node::Branch { kind, pipeline, body, otherwise })
    }

    fn otherwise(&mut self, kind: Branch, tokens: &[Token]) -> Result<Vec<Node>> {
        let again = match tokens.first().map(|token| &token.kind) {
            Some(Kind::Word(word)) if word == "if" && kind == Branch::If => Some(Branch::If),
            Some(Kind::Word(word)) if word == "with" && kind == Branch::With => Some(Branch::With),
            None => None,
            Some(_) => return Err(TemplateError::new("unexpected words after {{else}}")),
        };
        if let Some(kind) = again {
            return Ok(vec![self.branch(kind, &tokens[1..])?]);
        }
        match self.list()? {
            (nodes, Some(End::End)) => Ok(nodes),
            _ => Err(TemplateError::new("expected {{end}} after {{else}}")),
        }
    }

    /// Reads a definition up to its end; gives its name and what else its first action has.
    fn define(&mut self, tokens: &[Token]) -> Result<(String, Vec<Token>)> {
        self.deeper()?;
        let (name, rest) = name_of(tokens)?;
        // What is defined sees variables of its own only.
        let outside = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (body, end) = self.list()?;
        (self.variables, self.ranges) = (outside, ranges);
        if !matches!(end, Some(End::End)) {
            return Err(TemplateError::new("a definition lacks its {{end}}"));
        }
        self.depth -= 1;
        self.defined.insert(name.clone(), body);
        Ok((name, rest.to_vec()))
    }

    fn call(&mut self, name: String, rest: &[Token]) -> Result<Node> {
        let data = if rest.is_empty() { None } else { Some(self.whole(rest)?) };
        Ok(Node::Template { name, data })
    }

    /// The pipeline that all of `tokens` are.
    fn whole(&mut self, tokens: &[Token]) -> Result<Pipeline> {
        let mut rest = tokens;
        let mut pipeline = Pipeline::default();
        // `$x :=`, `$x =`, `$i, $x :=`
        let kinds: Vec<&Kind> = tokens.iter().take(4).map(|token| &token.kind).collect();
        let (names, operator, used) = match kinds[..] {
            [Kind::Variable(name), operator @ (Kind::Declare | Kind::Assign), ..] => (vec![name], Some(operator), 2),
            [Kind::Variable(first), Kind::Comma, Kind::Variable(second), operator @ (Kind::Declare | Kind::Assign)] => {
                (vec![first, second], Some(operator), 4)
            }
            _ => (Vec::new(), None, 0),
        };
        rest = &rest[used..];
        pipeline.commands = self.commands(&mut rest)?;
        if let Some(token) = rest.first() {
            return Err(unexpected(&token.kind));
        }
        pipeline.assigns = operator == Some(&Kind::Assign);
        for name in names {
            if pipeline.assigns {
                self.known(name)?;
            } else {
                self.variables.push(name.clone());
            }
            pipeline.variables.push(name.clone());
        }
        Ok(pipeline)
    }

    fn known(&self, name: &str) -> Result<()> {
        if self.variables.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(TemplateError::new(format!("undefined variable {name:?}")))
    }

    fn commands(&mut self, rest: &mut &[Token]) -> Result<Vec<Vec<Term>>> {
        let mut commands = Vec::new();
        loop {
            let mut terms = Vec::new();
            while let Some(term) = self.term(rest)? {
                terms.push(term);
            }
            let is_call =
                |head: &Head| matches!(head, Head::Function(_) | Head::Dot | Head::Variable(_) | Head::Paren(_));
            match terms.first() {
                None => return Err(TemplateError::new("missing value for command")),
                Some(first) if !commands.is_empty() && !is_call(&first.head) => {
                    return Err(TemplateError::new("a constant cannot be given an argument by a pipe"));
                }
                Some(Term { head: Head::Function(_), .. }) => {}
                Some(_) if terms.len() > 1 || !commands.is_empty() => {
                    return Err(TemplateError::new("can't give argument to non-function"));
                }
                Some(_) => {}
            }
            commands.push(terms);
            match rest.split_first() {
                Some((Token { kind: Kind::Pipe, .. }, after)) => *rest = after,
                _ => return Ok(commands),
            }
        }
    }

    /// The next term, if one comes.
    fn term(&mut self, rest: &mut &[Token]) -> Result<Option<Term>> {
        let Some((token, after)) = rest.split_first() else { return Ok(None) };
        let mut fields = Vec::new();
        let head = match &token.kind {
            Kind::Pipe | Kind::Close => return Ok(None),
            Kind::Comma | Kind::Declare | Kind::Assign => return Err(unexpected(&token.kind)),
            Kind::Dot => Head::Dot,
            Kind::Field(name) => {
                fields.push(name.clone());
                Head::Dot
            }
            Kind::Variable(name) => {
                self.known(name)?;
                Head::Variable(name.clone())
            }
            Kind::Text(text) => Head::Constant(Value::text(text)),
            Kind::Int(number) => Head::Constant(Value::Int(*number)),
            Kind::Float(number) => Head::Constant(Value::Float(*number)),
            Kind::Word(word) => match word.as_str() {
                "true" | "false" => Head::Constant(Value::Bool(word == "true")),
                "nil" => Head::Constant(Value::Nil),
                name if functions::exists(name) => Head::Function(name.to_owned()),
                name => return Err(TemplateError::new(format!("function {name:?} not defined"))),
            },
            Kind::Open => {
                self.deeper()?;
                let mut inner = after;
                let commands = self.commands(&mut inner)?;
                let Some((Token { kind: Kind::Close, .. }, behind)) = inner.split_first() else {
                    return Err(TemplateError::new("unclosed left paren"));
                };
                self.depth -= 1;
                *rest = behind;
                let pipeline = Pipeline { commands, ..Pipeline::default() };
                return Ok(Some(Term { head: Head::Paren(pipeline), fields: chain(rest) }));
            }
        };
        *rest = after;
        if !matches!(head, Head::Constant(_)) {
            fields.extend(chain(rest));
        }
        Ok(Some(Term { head, fields }))
    }
}

/// The fields that follow a term without space.
fn chain(rest: &mut &[Token]) -> Vec<String> {
    let mut fields = Vec::new();
    while let Some((Token { spaced: false, kind: Kind::Field(name) }, after)) = rest.split_first() {
        fields.push(name.clone());
        *rest = after;
    }
    fields
}

fn name_of(tokens: &[Token]) -> Result<(String, &[Token])> {
    match tokens.split_first() {
        Some((Token { kind: Kind::Text(name), .. }, rest)) => Ok((name.clone(), rest)),
        _ => Err(TemplateError::new("the name of a template must be a quoted string")),
    }
}

fn unexpected(kind: &Kind) -> TemplateError {
    let what = match kind {
        Kind::Close => ")".to_owned(),
        Kind::Comma => ",".to_owned(),
        Kind::Declare => ":=".to_owned(),
        Kind::Assign => "=".to_owned(),
        other => format!("{other:?}"),
    };
    TemplateError::new(format!("unexpected {what:?} in an action"))
}
