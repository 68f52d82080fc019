//! Refuses a query before it is planned: text that would overflow the planner's stack, statements that are no queries,
//! and common table expressions that multiply into too many tables.
//!
//! The parser, the planner and even the drop of a plan recurse once per operator, and a stack overflow ends the
//! process, so tokens are counted before anything recurses.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    ObjectName, ObjectNamePart, Query, Statement as SqlStatement, Visit, Visitor, visit_relations,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::config::SqlConfig;
use crate::error::{Position, SqlError};

/// Checks the text of a query against the limits, without recursion.
pub(crate) fn check_text(text: &str, config: &SqlConfig) -> Result<(), SqlError> {
    if text.len() > config.max_text {
        return Err(SqlError::bad(format!("query has {} bytes; {} are allowed", text.len(), config.max_text)));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().map_err(|error| {
        let position = Position { line: error.location.line, column: error.location.column };
        SqlError::BadQuery { message: error.message, position: Some(position) }
    })?;
    let (mut n_tokens, mut n_operators, mut n_selects, mut depth) = (0, 0, 0, 0usize);
    for token in &tokens {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Word(word) => n_selects += usize::from(matches!(word.keyword, Keyword::SELECT | Keyword::VALUES)),
            _ => {}
        }
        n_tokens += 1;
        n_operators += usize::from(nests(&token.token));
        let exceeded = [
            (n_tokens, config.max_tokens, "words and signs"),
            (n_operators, config.max_operators, "operators"),
            (n_selects, config.max_selects, "SELECT and VALUES"),
            (depth, config.max_depth, "nested brackets"),
        ];
        if let Some((_, limit, what)) = exceeded.into_iter().find(|(count, limit, _)| count > limit) {
            let start = token.span.start;
            return Err(SqlError::BadQuery {
                message: format!("query has more than {limit} {what}"),
                position: Some(Position { line: start.line, column: start.column }),
            });
        }
    }
    match n_tokens {
        0 => Err(SqlError::bad("query is empty")),
        _ => Ok(()),
    }
}

/// Whether a token can make the tree of a query deeper by one: everything but names, literals, commas and closing
/// brackets.
fn nests(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            word.quote_style.is_none()
                && matches!(
                    word.keyword,
                    Keyword::AND
                        | Keyword::OR
                        | Keyword::XOR
                        | Keyword::NOT
                        | Keyword::IS
                        | Keyword::IN
                        | Keyword::LIKE
                        | Keyword::ILIKE
                        | Keyword::SIMILAR
                        | Keyword::BETWEEN
                        | Keyword::CASE
                        | Keyword::WHEN
                        | Keyword::COLLATE
                        | Keyword::AT
                        | Keyword::INTERVAL
                        | Keyword::SELECT
                        | Keyword::UNION
                        | Keyword::EXCEPT
                        | Keyword::INTERSECT
                        | Keyword::JOIN
                        | Keyword::LATERAL
                        | Keyword::EXPLAIN
                        | Keyword::DIV
                        | Keyword::PIVOT
                        | Keyword::UNPIVOT
                )
        }
        Token::Number(..) | Token::Comma | Token::SemiColon | Token::EOF | Token::Char(_) => false,
        Token::RParen | Token::RBracket | Token::RBrace => false,
        // A call or a list opens a bracket, which `max_depth` counts; one after another they do not nest.
        Token::LParen => false,
        // `a.b` is one name; a chain of them is a name with many parts.
        Token::Period => false,
        Token::SingleQuotedString(_) | Token::DoubleQuotedString(_) | Token::NationalStringLiteral(_) => false,
        _ => true,
    }
}

/// Checks what a statement is and how many tables it reads once its common table expressions are expanded.
pub(crate) fn check_statement(statement: &Statement, config: &SqlConfig) -> Result<(), SqlError> {
    let statement = match statement {
        Statement::Statement(statement) => statement.as_ref(),
        Statement::Explain(explain) => return check_statement(&explain.statement, config),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => return Err(only_queries()),
    };
    match statement {
        SqlStatement::Query(_)
        | SqlStatement::Explain { .. }
        | SqlStatement::ExplainTable { .. }
        | SqlStatement::ShowTables { .. }
        | SqlStatement::ShowColumns { .. }
        | SqlStatement::ShowFunctions { .. }
        | SqlStatement::ShowVariable { .. } => {}
        _ => return Err(only_queries()),
    }
    let n_tables = expanded_tables(statement);
    if n_tables > config.max_tables {
        return Err(SqlError::bad(format!(
            "query reads {n_tables} tables once its WITH parts are expanded; {} are allowed",
            config.max_tables
        )));
    }
    Ok(())
}

fn only_queries() -> SqlError {
    SqlError::bad("statement is not a query; SELECT, EXPLAIN, SHOW and DESCRIBE are allowed")
}

/// How often each relation is named somewhere.
type References = HashMap<String, u64>;

/// An upper bound of the tables that `statement` reads: the planner copies a common table expression to each place that
/// names it, so ten of them that each join the one before twice are a thousand tables.
fn expanded_tables(statement: &SqlStatement) -> u64 {
    let mut expressions = Expressions(HashMap::new());
    let ControlFlow::Continue(()) = statement.visit(&mut expressions);
    let mut known = HashMap::new();
    total(&references(statement), &expressions.0, &mut known)
}

/// The bodies of all common table expressions by name; of equal names, all bodies count.
struct Expressions(HashMap<String, References>);

impl Visitor for Expressions {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Infallible> {
        for expression in query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = expression.alias.name.value.to_lowercase();
            let body = self.0.entry(name).or_default();
            for (relation, count) in references(expression.query.as_ref()) {
                *body.entry(relation).or_default() += count;
            }
        }
        ControlFlow::Continue(())
    }
}

fn references(node: &impl Visit) -> References {
    let mut references = References::new();
    let ControlFlow::Continue(()) = visit_relations(node, |name: &ObjectName| -> ControlFlow<Infallible> {
        *references.entry(relation_name(name)).or_default() += 1;
        ControlFlow::Continue(())
    });
    references
}

fn relation_name(name: &ObjectName) -> String {
    match name.0.last() {
        Some(ObjectNamePart::Identifier(name)) => name.value.to_lowercase(),
        _ => String::new(),
    }
}

fn total(references: &References, bodies: &HashMap<String, References>, known: &mut HashMap<String, u64>) -> u64 {
    references
        .iter()
        .fold(0u64, |sum, (name, count)| sum.saturating_add(count.saturating_mul(size(name, bodies, known))))
}

fn size(name: &str, bodies: &HashMap<String, References>, known: &mut HashMap<String, u64>) -> u64 {
    if let Some(size) = known.get(name) {
        return *size;
    }
    let Some(body) = bodies.get(name) else { return 1 };
    // A name inside its own body is the table of that name.
    known.insert(name.to_owned(), 1);
    let size = total(body, bodies, known).max(1);
    known.insert(name.to_owned(), size);
    size
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::parser::DFParserBuilder;

    fn check(text: &str) -> Result<(), SqlError> {
        let config = SqlConfig::default();
        check_text(text, &config)?;
        let mut statements = DFParserBuilder::new(text)
            .build()
            .and_then(|mut parser| parser.parse_statements())
            .map_err(|error| SqlError::bad(error.to_string()))?;
        check_statement(&statements.pop_front().ok_or_else(|| SqlError::bad("nothing"))?, &config)
    }

    #[test]
    fn lets_ordinary_queries_pass() {
        for text in [
            "SELECT 1",
            "select service, count(*) from spans where attributes['http.route'] = '/x' group by 1 order by 2 desc",
            "WITH slow AS (SELECT * FROM spans WHERE duration_ms > 10) SELECT * FROM slow a JOIN slow b USING (trace_id)",
            "EXPLAIN SELECT 1",
            "SHOW TABLES",
            "DESCRIBE spans",
            "WITH spans AS (SELECT * FROM spans) SELECT * FROM spans",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        let list = vec!["'x'"; 1_900].join(",");
        assert_eq!(check(&format!("SELECT * FROM spans WHERE service IN ({list})")), Ok(()));
    }

    #[test]
    fn refuses_text_beyond_a_limit_with_its_place() {
        let cases = [
            (format!("SELECT {}", vec!["1"; 1_100].join("+")), "more than 1000 operators"),
            (format!("SELECT {}1{}", "(".repeat(65), ")".repeat(65)), "more than 64 nested brackets"),
            (format!("SELECT {}", vec!["a"; 3_000].join(",")), "more than 4096 words"),
            (format!("SELECT {} true", "NOT ".repeat(1_100)), "more than 1000 operators"),
            (format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(150)), "more than 100 SELECT"),
            (format!("SELECT 1 FROM (VALUES (1)) a{}", ", (VALUES (1)) a".repeat(150)), "more than 100 SELECT"),
            (format!("SELECT a{}", " IS NULL".repeat(1_100)), "more than 1000 operators"),
            (format!("SELECT 1{}", "::int".repeat(1_100)), "more than 1000 operators"),
            (format!("SELECT {}1", "- ".repeat(1_100)), "more than 1000 operators"),
        ];
        for (text, expected) in cases {
            let Err(SqlError::BadQuery { message, position }) = check(&text) else { panic!("{expected} passed") };
            assert!(message.contains(expected), "{message}");
            assert!(position.is_some());
        }
        assert!(check(&" ".repeat(70_000)).unwrap_err().to_string().contains("65536 are allowed"));
        assert!(check(" -- nothing\n").unwrap_err().to_string().contains("empty"));
        assert!(check("SELECT 'open").unwrap_err().to_string().contains("line 1"));
    }

    #[test]
    fn refuses_everything_that_is_no_query() {
        for text in [
            "DROP TABLE spans",
            "CREATE TABLE t AS SELECT 1",
            "CREATE VIEW v AS SELECT 1",
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
            "COPY (SELECT 1) TO '/tmp/x.csv'",
            "INSERT INTO spans VALUES (1)",
            "DELETE FROM spans",
            "UPDATE spans SET name = ''",
            "SET datafusion.execution.batch_size = 1",
            "RESET datafusion.execution.batch_size",
            "PREPARE p AS SELECT 1",
            "EXPLAIN COPY (SELECT 1) TO '/tmp/x.csv'",
            "BEGIN",
        ] {
            let error = check(text).unwrap_err().to_string();
            assert!(error.contains("not a query"), "{text}: {error}");
        }
    }

    #[test]
    fn refuses_table_expressions_that_multiply() {
        let mut text = String::from("WITH t0 AS (SELECT 1 AS x FROM spans)");
        for i in 1..30 {
            text += &format!(", t{i} AS (SELECT a.x FROM t{} a, t{} b)", i - 1, i - 1);
        }
        text += " SELECT * FROM t29";
        assert!(check(&text).unwrap_err().to_string().contains("64 are allowed"));
    }
}
