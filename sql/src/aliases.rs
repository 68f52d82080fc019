//! Gives subqueries in FROM that have no name one of their own.
//!
//! DataFusion 55.2 takes two nested projections with the same expressions for one, so that
//! `SELECT x + x AS x FROM (SELECT x + x AS x FROM …)` adds once. A name between the two keeps them apart. To be removed
//! with the version that has <https://github.com/apache/datafusion/pull/24686>.

use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Ident, TableAlias, TableFactor, VisitMut, VisitorMut};

/// No name that a person writes; the number keeps two of them in one FROM apart.
const PREFIX: &str = "__subquery_";

pub(crate) fn name_subqueries(statement: &mut Statement) {
    match statement {
        Statement::Statement(statement) => {
            let ControlFlow::Continue(()) = statement.visit(&mut Names(0));
        }
        Statement::Explain(explain) => name_subqueries(&mut explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => {}
    }
}

struct Names(usize);

impl VisitorMut for Names {
    type Break = Infallible;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Infallible> {
        if let TableFactor::Derived { alias: alias @ None, .. } = factor {
            self.0 += 1;
            let name = Ident::with_quote('"', format!("{PREFIX}{}", self.0));
            *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        }
        ControlFlow::Continue(())
    }
}
