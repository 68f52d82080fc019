//! The scan of one table as a physical plan: reads a chunk of the store at a time, newest first, and makes the columns
//! that the query asks for.
//!
//! It stops early in two ways: at a limit, and when a sort above has learned that nothing older can matter.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::stream;
use store::{Chunks, Scan, Snapshot};

use crate::pushdown::{Conditions, learned_range};
use crate::table::{SqlTable, build};

/// What could not be read, in words; shown beside a result that lacks it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings(Arc<Mutex<Vec<String>>>);

/// Damage can be everywhere at once; a result names this many places.
const MAX_WARNINGS: usize = 10;

impl Warnings {
    fn push(&self, warning: String) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() < MAX_WARNINGS && !list.contains(&warning) {
            list.push(warning);
        }
    }

    pub(crate) fn list(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Rows per batch on their way out: small enough to stay in the processor's cache and to stop between two of them.
const BATCH_ROWS: usize = 8_192;

/// A scan of one table.
#[derive(Clone)]
pub(crate) struct ScanExec {
    table: SqlTable,
    snapshot: Snapshot,
    conditions: Arc<Conditions>,
    /// Indices into the table's columns.
    columns: Arc<[usize]>,
    schema: SchemaRef,
    limit: Option<usize>,
    /// Filters that operators above change while they run.
    learned: Vec<Arc<dyn PhysicalExpr>>,
    warnings: Warnings,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ScanExec {
    pub(crate) fn new(
        table: SqlTable,
        snapshot: Snapshot,
        conditions: Conditions,
        columns: Vec<usize>,
        limit: Option<usize>,
        warnings: Warnings,
    ) -> Result<Self> {
        let schema = Arc::new(table.schema().project(&columns)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Ok(ScanExec {
            table,
            snapshot,
            conditions: Arc::new(conditions),
            columns: columns.into(),
            schema,
            limit,
            learned: Vec::new(),
            warnings,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// The chunks of the store to read.
    fn chunks(&self) -> Source {
        if !matches!(self.table, SqlTable::Spans | SqlTable::Logs) {
            let unread = self.snapshot.unread_series(self.conditions.range);
            unread.iter().for_each(|error| self.warnings.push(error.to_string()));
        }
        let series = self.conditions.series(&self.snapshot);
        if self.table == SqlTable::Series {
            let series = series.unwrap_or_else(|| self.snapshot.series().all());
            return Source::Series(build::series_batch(&series));
        }
        let scan = Scan::new(self.conditions.range).columns(self.table.sources(&self.columns));
        let mut scan = self.conditions.filters().into_iter().fold(scan, Scan::filter);
        if let Some(series) = series {
            scan = scan.series(Arc::new(series.iter().map(|series| series.id).collect()));
        }
        if let Some(ids) = &self.conditions.traces {
            scan = scan.traces(ids.iter().copied());
        }
        Source::Chunks(Box::new(self.snapshot.batches(self.table.stored(), scan)))
    }
}

enum Source {
    Chunks(Box<Chunks<RecordBatch>>),
    /// The series table has no rows on disk that matter: its rows are made from the index.
    Series(Option<RecordBatch>),
}

/// One run of a scan.
struct Reader {
    scan: ScanExec,
    source: Source,
    /// A chunk in work, and the rows of it that are out.
    chunk: Option<(RecordBatch, usize)>,
    /// Rows still wanted.
    remaining: usize,
    metrics: BaselineMetrics,
}

enum Step {
    Batch(RecordBatch),
    /// A chunk was read that had nothing: a good moment to let others run.
    Nothing,
    End,
}

impl Reader {
    fn step(&mut self) -> Result<Step> {
        if self.remaining == 0 {
            return Ok(Step::End);
        }
        let Some((chunk, done)) = self.chunk.take() else { return self.read() };
        let length = BATCH_ROWS.min(chunk.num_rows() - done).min(self.remaining);
        let rows = chunk.slice(done, length);
        if done + length < chunk.num_rows() {
            self.chunk = Some((chunk, done + length));
        }
        self.remaining -= length;
        let ScanExec { table, columns, schema, snapshot, .. } = &self.scan;
        let timer = self.metrics.elapsed_compute().timer();
        let batch = build::build(*table, columns, schema, &rows, snapshot.series())?;
        timer.done();
        Ok(Step::Batch(batch.record_output(&self.metrics)))
    }

    fn read(&mut self) -> Result<Step> {
        if self.nothing_older_matters() {
            return Ok(Step::End);
        }
        let next = match &mut self.source {
            Source::Chunks(chunks) => chunks.next(),
            Source::Series(batch) => batch.take().map(Ok),
        };
        match next {
            None => return Ok(Step::End),
            Some(Err(error)) => self.scan.warnings.push(error.to_string()),
            Some(Ok(chunk)) => {
                self.chunk = (chunk.num_rows() > 0).then_some((chunk, 0));
            }
        }
        Ok(Step::Nothing)
    }

    fn nothing_older_matters(&self) -> bool {
        let (Source::Chunks(chunks), Some(time)) = (&self.source, self.scan.table.time_column()) else { return false };
        let learned = self.scan.learned.iter().map(|filter| learned_range(time, filter).start).max();
        match (chunks.bound(), learned) {
            (Some(newest), Some(oldest_wanted)) => newest < oldest_wanted,
            _ => false,
        }
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &str {
        "ScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let reader = Reader {
            source: self.chunks(),
            chunk: None,
            remaining: self.limit.unwrap_or(usize::MAX),
            metrics: BaselineMetrics::new(&self.metrics, 0),
            scan: self.clone(),
        };
        let batches = stream::unfold(Some(reader), async |reader| {
            let mut reader = reader?;
            loop {
                match reader.step() {
                    Ok(Step::Batch(batch)) => return Some((Ok(batch), Some(reader))),
                    Ok(Step::Nothing) => tokio::task::yield_now().await,
                    Ok(Step::End) => return None,
                    Err(error) => return Some((Err(error), None)),
                }
            }
        });
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn fetch(&self) -> Option<usize> {
        self.limit
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(ScanExec { limit, ..self.clone() }))
    }

    /// Remembers filters that are learned while running. The operator that owns one still applies it, so none is
    /// answered as handled.
    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters: Vec<_> = result.parent_filters.into_iter().map(|result| result.filter).collect();
        let answer = FilterPushdownPropagation::with_parent_pushdown_result(vec![PushedDown::No; filters.len()]);
        let useful = |filter: &Arc<dyn PhysicalExpr>| self.table.time_column().is_some() && mentions_time(self, filter);
        if phase != FilterPushdownPhase::Post || !filters.iter().any(useful) {
            return Ok(answer);
        }
        let mut scan = self.clone();
        scan.learned.extend(filters.into_iter().filter(useful));
        Ok(answer.with_updated_node(Arc::new(scan)))
    }
}

fn mentions_time(scan: &ScanExec, filter: &Arc<dyn PhysicalExpr>) -> bool {
    let Some(time) = scan.table.time_column() else { return false };
    let columns = datafusion::physical_expr::utils::collect_columns(filter);
    columns.iter().any(|column| column.name() == time)
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "ScanExec: table={}, columns=[{}]{}", self.table.name(), columns.join(", "), self.conditions)?;
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        if !self.learned.is_empty() {
            write!(f, ", stops_early=true")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ScanExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as(DisplayFormatType::Default, f)
    }
}
