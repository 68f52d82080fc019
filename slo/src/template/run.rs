//! Renders: goes through the nodes with the data, variables and what is left of the limits.

use std::sync::Arc;

use super::parse::{Branch, Head, Node, Pipeline, Term};
use super::value::Value;
use super::{Host, MAX_OUTPUT, MAX_QUERIES, MAX_STEPS, Result, Sample, Template, TemplateError, functions, print};

/// Templates that call each other without end stop here.
const MAX_CALLS: usize = 20;

pub(super) fn render(template: &Template, data: &Value, host: &dyn Host) -> Result<String> {
    let mut run = Run {
        template,
        host,
        steps: 0,
        queries: 0,
        calls: 0,
        out: String::new(),
        variables: vec![("$".to_owned(), data.clone())],
    };
    for (name, field) in template.variables {
        let value = field_of(data, field)?;
        run.variables.push(((*name).to_owned(), value));
    }
    run.list(&template.body, data)?;
    Ok(run.out)
}

pub(super) struct Run<'t> {
    template: &'t Template,
    pub(super) host: &'t dyn Host,
    steps: usize,
    queries: usize,
    calls: usize,
    out: String,
    variables: Vec<(String, Value)>,
}

/// What comes after a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl Run<'_> {
    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(TemplateError::new(format!("takes more than {MAX_STEPS} steps")));
        }
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<()> {
        if self.out.len() + text.len() > MAX_OUTPUT {
            return Err(TemplateError::new(format!("writes more than {MAX_OUTPUT} bytes")));
        }
        self.out.push_str(text);
        Ok(())
    }

    /// The answer to a query, which counts.
    pub(super) fn query(&mut self, expression: &str) -> Result<Vec<Sample>> {
        self.queries += 1;
        if self.queries > MAX_QUERIES {
            return Err(TemplateError::new(format!("asks more than {MAX_QUERIES} queries")));
        }
        self.host.query(expression).map_err(TemplateError)
    }

    fn list(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow> {
        for node in nodes {
            self.step()?;
            let flow = match node {
                Node::Text(text) => {
                    self.write(text)?;
                    Flow::Next
                }
                Node::Action(pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    if pipeline.variables.is_empty() {
                        self.write(&print::shown(&value))?;
                    }
                    Flow::Next
                }
                Node::Branch { kind, pipeline, body, otherwise } => {
                    let known = self.variables.len();
                    let flow = self.branch(*kind, pipeline, body, otherwise, dot);
                    self.variables.truncate(known);
                    flow?
                }
                Node::Template { name, data } => {
                    self.call(name, data.as_ref(), dot)?;
                    Flow::Next
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn branch(
        &mut self,
        kind: Branch,
        pipeline: &Pipeline,
        body: &[Node],
        otherwise: &[Node],
        dot: &Value,
    ) -> Result<Flow> {
        if kind == Branch::Range {
            return self.range(pipeline, body, otherwise, dot);
        }
        let value = self.pipeline(pipeline, dot)?;
        match (value.is_true(), kind) {
            (true, Branch::With) => self.list(body, &value),
            (true, _) => self.list(body, dot),
            (false, _) => self.list(otherwise, dot),
        }
    }

    fn range(&mut self, pipeline: &Pipeline, body: &[Node], otherwise: &[Node], dot: &Value) -> Result<Flow> {
        let value = self.evaluate(pipeline, dot)?;
        let mut elements: Vec<(Value, Value)> = match &value {
            Value::Nil => Vec::new(),
            Value::List(items) => (0..).map(Value::Int).zip(items.iter().cloned()).collect(),
            Value::Map(map) => map.iter().map(|(key, value)| (Value::text(key), value.clone())).collect(),
            Value::Labels(map) => map.iter().map(|(key, value)| (Value::text(key), Value::text(value))).collect(),
            Value::Int(number) => {
                (0..(*number).min(MAX_STEPS as i64)).map(|at| (Value::Int(at), Value::Int(at))).collect()
            }
            other => return Err(TemplateError::new(format!("range can't iterate over {}", other.type_name()))),
        };
        if elements.is_empty() {
            return self.list(otherwise, dot);
        }
        let known = self.variables.len();
        for (key, element) in elements.drain(..) {
            self.step()?;
            let values = match pipeline.variables.len() {
                2 => vec![key, element.clone()],
                _ => vec![element.clone()],
            };
            for (name, value) in pipeline.variables.iter().zip(values) {
                self.set(name, value, pipeline.assigns);
            }
            let flow = self.list(body, &element)?;
            self.variables.truncate(known);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn call(&mut self, name: &str, data: Option<&Pipeline>, dot: &Value) -> Result<()> {
        let data = data.map_or(Ok(Value::Nil), |pipeline| self.pipeline(pipeline, dot))?;
        let Some(body) = self.template.defined.get(name) else {
            return Err(TemplateError::new(format!("template {name:?} not defined")));
        };
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return Err(TemplateError::new(format!("templates call each other deeper than {MAX_CALLS}")));
        }
        let outside = std::mem::replace(&mut self.variables, vec![("$".to_owned(), data.clone())]);
        let rendered = self.list(body, &data);
        self.variables = outside;
        self.calls -= 1;
        rendered.map(|_| ())
    }

    fn set(&mut self, name: &str, value: Value, assigns: bool) {
        let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
        match known {
            Some((_, old)) if assigns => *old = value,
            _ => self.variables.push((name.to_owned(), value)),
        }
    }

    /// The value of a pipeline, whose variables are set.
    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value> {
        let value = self.evaluate(pipeline, dot)?;
        for name in &pipeline.variables {
            self.set(name, value.clone(), pipeline.assigns);
        }
        Ok(value)
    }

    fn evaluate(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value> {
        let mut last = None;
        for terms in &pipeline.commands {
            last = Some(self.command(terms, last, dot)?);
        }
        last.ok_or_else(|| TemplateError::new("missing value for command"))
    }

    fn command(&mut self, terms: &[Term], piped: Option<Value>, dot: &Value) -> Result<Value> {
        let Some((first, rest)) = terms.split_first() else {
            return Err(TemplateError::new("missing value for command"));
        };
        let Head::Function(name) = &first.head else { return self.term(first, dot) };
        if name == "and" || name == "or" {
            return self.shortcut(name == "or", rest, piped, dot);
        }
        let mut args = Vec::with_capacity(rest.len() + 1);
        for term in rest {
            args.push(self.term(term, dot)?);
        }
        args.extend(piped);
        let value = self.function(name, args)?;
        fields_of(value, &first.fields)
    }

    /// `and` and `or` evaluate no more than they have to.
    fn shortcut(&mut self, wanted: bool, rest: &[Term], piped: Option<Value>, dot: &Value) -> Result<Value> {
        let mut last = None;
        for term in rest {
            let value = self.term(term, dot)?;
            if value.is_true() == wanted {
                return Ok(value);
            }
            last = Some(value);
        }
        piped.or(last).ok_or_else(|| TemplateError::new("and, or: want at least 1 argument"))
    }

    fn function(&mut self, name: &str, args: Vec<Value>) -> Result<Value> {
        self.step()?;
        let value = functions::call(self, name, &args)
            .map_err(|error| TemplateError::new(format!("error calling {name}: {error}")))?;
        if value.size() > MAX_OUTPUT {
            return Err(TemplateError::new(format!("{name} gives more than {MAX_OUTPUT} bytes")));
        }
        Ok(value)
    }

    fn term(&mut self, term: &Term, dot: &Value) -> Result<Value> {
        self.step()?;
        let value = match &term.head {
            Head::Dot => dot.clone(),
            Head::Constant(value) => value.clone(),
            Head::Variable(name) => {
                let found = self.variables.iter().rev().find(|(known, _)| known == name);
                found
                    .map(|(_, value)| value.clone())
                    .ok_or_else(|| TemplateError::new(format!("undefined variable {name:?}")))?
            }
            Head::Function(name) => self.function(name, Vec::new())?,
            Head::Paren(pipeline) => self.evaluate(pipeline, dot)?,
        };
        fields_of(value, &term.fields)
    }
}

fn fields_of(mut value: Value, names: &[String]) -> Result<Value> {
    for name in names {
        value = field_of(&value, name)?;
    }
    Ok(value)
}

/// A field, an entry, or a part of a time.
fn field_of(value: &Value, name: &str) -> Result<Value> {
    match value {
        Value::Struct(fields) => {
            if let Some((_, value)) = fields.iter().find(|(field, _)| *field == name) {
                return Ok(value.clone());
            }
        }
        Value::Map(map) => return Ok(map.get(name).cloned().unwrap_or(Value::Nil)),
        Value::Labels(map) => return Ok(Value::Text(map.get(name).map_or("", String::as_str).into())),
        Value::Nil => return Ok(Value::Nil),
        Value::Time(time) => {
            if let Some(part) = functions::part_of_time(*time, name) {
                return Ok(Value::Int(part));
            }
        }
        _ => {}
    }
    Err(TemplateError::new(format!("can't evaluate field {name} in type {}", value.type_name())))
}

/// A list of what a query gave.
pub(super) fn vector(samples: Vec<Sample>) -> Value {
    Value::List(Arc::new(samples.into_iter().map(Value::from).collect()))
}
