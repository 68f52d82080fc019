//! A DataFusion session for one query: our tables, our functions, its limits, and nothing that reaches a file.

use std::sync::Arc;

use arrow::datatypes::TimestampNanosecondType;
use arrow::temporal_conversions::as_datetime;
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemoryCatalogProviderList};
use datafusion::config::ConfigNonZeroUsize;
use datafusion::error::Result;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use datafusion::prelude::SessionConfig;
use model::Nanos;
use store::Snapshot;

use crate::attr::{self, AttributeAccess};
use crate::config::SqlConfig;
use crate::exec::Warnings;
use crate::growth::{self, BoundedOperators};
use crate::number::{Casts, Comparisons, Computation};
use crate::provider::Tables;

/// Calls of the parser within each other. A bracket needs up to three, so that `max_depth` of them fit; a level takes
/// some 75 KB of stack in a debug build.
const PARSER_DEPTH: usize = 200;

const CATALOG: &str = "haechi";
const SCHEMA: &str = "public";

/// What every session shares.
pub(crate) struct Functions {
    scalar: Vec<Arc<ScalarUDF>>,
    aggregate: Vec<Arc<AggregateUDF>>,
    window: Vec<Arc<WindowUDF>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
    analyzer: Vec<Arc<dyn AnalyzerRule + Send + Sync>>,
}

impl Functions {
    pub(crate) fn new() -> Self {
        let mut scalar = growth::bounded(SessionStateDefaults::default_scalar_functions());
        let own = attr::functions();
        let mut planners = SessionStateDefaults::default_expr_planners();
        planners.insert(0, Arc::new(BoundedOperators::of(&scalar)));
        planners.insert(0, Arc::new(Computation));
        if let Some(attr) = own.first() {
            planners.insert(0, Arc::new(AttributeAccess { attr: Arc::clone(attr) }));
        }
        scalar.extend(own);
        let aggregate = SessionStateDefaults::default_aggregate_functions();
        let mut analyzer = Analyzer::default().rules;
        analyzer.insert(0, Arc::new(Comparisons));
        analyzer.push(Arc::new(Casts));
        Functions { scalar, aggregate, window: SessionStateDefaults::default_window_functions(), planners, analyzer }
    }
}

/// A session over `snapshot` in which `now()` is `now`.
pub(crate) fn session(
    config: &SqlConfig,
    functions: &Functions,
    pool: &Arc<dyn MemoryPool>,
    snapshot: Snapshot,
    now: Nanos,
    warnings: Warnings,
) -> Result<SessionState> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::clone(pool))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()?;

    let mut session = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true)
        .with_target_partitions(config.threads.max(1));
    let options = session.options_mut();
    options.sql_parser.collect_spans = true;
    options.sql_parser.recursion_limit = ConfigNonZeroUsize::try_new(PARSER_DEPTH)?;
    options.execution.time_zone = Some("UTC".to_owned());
    // A recursive query keeps its rows outside the memory pool, and needs no bracket and no operator to be endless.
    options.execution.enable_recursive_ctes = false;

    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(SCHEMA, Arc::new(Tables { snapshot, warnings }))?;
    let catalogs = MemoryCatalogProviderList::new();
    datafusion::catalog::CatalogProviderList::register_catalog(&catalogs, CATALOG.to_owned(), Arc::new(catalog));

    let started = as_datetime::<TimestampNanosecondType>(now).map(|time| time.and_utc());
    let mut properties = ExecutionProps::new();
    properties.query_execution_start_time = started;

    Ok(SessionStateBuilder::new()
        .with_config(session)
        .with_runtime_env(runtime)
        .with_catalog_list(Arc::new(catalogs))
        .with_execution_props(properties)
        .with_analyzer_rules(functions.analyzer.clone())
        .with_expr_planners(functions.planners.clone())
        .with_scalar_functions(functions.scalar.clone())
        .with_aggregate_functions(functions.aggregate.clone())
        .with_window_functions(functions.window.clone())
        .with_table_function_list(SessionStateDefaults::default_table_functions())
        .build())
}
