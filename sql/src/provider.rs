//! The tables as DataFusion finds them: one schema over one snapshot.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use store::Snapshot;

use crate::exec::{ScanExec, Warnings};
use crate::pushdown::{self, Conditions};
use crate::table::SqlTable;

/// All tables of one snapshot.
pub(crate) struct Tables {
    pub(crate) snapshot: Snapshot,
    pub(crate) warnings: Warnings,
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tables")
    }
}

#[async_trait]
impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        SqlTable::ALL.map(|table| table.name().to_owned()).into()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(table) = SqlTable::parse(name) else { return Ok(None) };
        let (snapshot, warnings) = (self.snapshot.clone(), self.warnings.clone());
        Ok(Some(Arc::new(Provider { table, snapshot, warnings })))
    }

    fn table_exist(&self, name: &str) -> bool {
        SqlTable::parse(name).is_some()
    }
}

struct Provider {
    table: SqlTable,
    snapshot: Snapshot,
    warnings: Warnings,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Provider({})", self.table.name())
    }
}

#[async_trait]
impl TableProvider for Provider {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(pushdown::support(self.table, filters))
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let conditions = Conditions::of(self.table, filters);
        let columns = projection.cloned().unwrap_or_else(|| (0..self.table.columns().len()).collect());
        let (snapshot, warnings) = (self.snapshot.clone(), self.warnings.clone());
        Ok(Arc::new(ScanExec::new(self.table, snapshot, conditions, columns, limit, warnings)?))
    }
}
