//! Function calls: evaluates the arguments as each family wants them and hands them over.

use super::super::annotations::Note;
use super::super::error::PromqlError;
use super::super::functions::histograms::Question;
use super::super::functions::over_time::OverTime;
use super::super::functions::{
    Function, absent, histograms, instant_rate, labels, math, rate, regression, scalars, sorting,
};
use super::super::matrix::{Grid, Row, merge_same};
use super::super::number;
use super::super::plan::{Node, NodeKind};
use super::super::value::Value;
use super::{Evaluated, Evaluator};

impl Evaluator<'_> {
    pub(super) fn call(
        &self,
        node: &Node,
        function: Function,
        args: &[Node],
        grid: Grid,
    ) -> Result<Evaluated, PromqlError> {
        use Function::*;
        let arg = |index: usize| args.get(index).ok_or_else(|| PromqlError::execution("an argument is missing"));
        Ok(match function {
            Scalar => Evaluated::Scalar(scalars::scalar(&self.vector(arg(0)?, grid)?, grid.len)),
            Time => Evaluated::Scalar(scalars::time(grid)),
            Pi => Evaluated::Scalar(vec![std::f64::consts::PI; grid.len]),
            Bound(bound) => Evaluated::Scalar(vec![scalars::bound(bound, self.query); grid.len]),
            MinOf | MaxOf => {
                let choose = if matches!(function, MinOf) { math::min } else { math::max };
                let (a, b) = (self.scalar(arg(0)?, grid)?, self.scalar(arg(1)?, grid)?);
                Evaluated::Scalar(a.into_iter().zip(b).map(|(a, b)| choose(a, b)).collect())
            }
            _ => Evaluated::Vector(self.vector_call(node, function, args, grid)?),
        })
    }

    fn vector_call(&self, node: &Node, function: Function, args: &[Node], grid: Grid) -> Result<Vec<Row>, PromqlError> {
        use Function::*;
        let arg = |index: usize| args.get(index).ok_or_else(|| PromqlError::execution("an argument is missing"));
        let vector = |index: usize| self.vector(arg(index)?, grid);
        let scalar = |index: usize| self.scalar(arg(index)?, grid);
        let note_at = |index: usize| {
            let position = args.get(index).map_or(node.position, |arg| arg.position);
            move |note: Note| self.meter.note(position, note)
        };
        let unnamed = |rows: Vec<Row>| merge_same(rows);
        match function {
            Rate | Increase | Delta => {
                let mode = match function {
                    Rate => rate::Mode::Rate,
                    Increase => rate::Mode::Increase,
                    _ => rate::Mode::Delta,
                };
                self.changes(arg(0)?, grid, mode)
            }
            Irate | Idelta => {
                let (per_second, note) = (matches!(function, Irate), note_at(0));
                self.over_windows(arg(0)?, grid, false, |window| instant_rate::last_change(window, per_second, &note))
            }
            Deriv => {
                let note = note_at(0);
                self.floats_over_windows(arg(0)?, grid, |window| regression::derivative(window, &note))
            }
            PredictLinear => {
                let (seconds, note) = (scalar(1)?, note_at(0));
                self.floats_over_windows(arg(0)?, grid, |window| {
                    regression::prediction(window, seconds[window.step], &note)
                })
            }
            DoubleExponentialSmoothing => self.smooth(args, grid),
            OverTime(function) => self.over_time(node, function, args, grid),
            Absent => Ok(absent::absent(arg(0)?, &vector(0)?, grid.len)),
            AbsentOverTime => {
                // Names are kept, since series that differ in nothing else are as present as others.
                let present = self.over_windows(arg(0)?, grid, true, |_| Some(Value::Float(1.0)))?;
                Ok(absent::absent(arg(0)?, &present, grid.len))
            }
            Math(change) => unnamed(math::map_floats(vector(0)?, |_, value| change(value))),
            DatePart(part) => {
                let rows = if args.is_empty() { scalars::vector(scalars::time(grid)) } else { vector(0)? };
                unnamed(math::map_floats(rows, |_, value| part.of(value)))
            }
            Round => {
                let nearest = if args.len() > 1 { scalar(1)? } else { vec![1.0; grid.len] };
                unnamed(math::map_floats(vector(0)?, |step, value| math::round(value, nearest[step])))
            }
            Clamp => self.clamp(vector(0)?, &scalar(1)?, &scalar(2)?),
            ClampMin => self.clamp(vector(0)?, &scalar(1)?, &vec![f64::INFINITY; grid.len]),
            ClampMax => self.clamp(vector(0)?, &vec![f64::NEG_INFINITY; grid.len], &scalar(1)?),
            Timestamp => match &arg(0)?.kind {
                NodeKind::Selector(selector) => merge_same(self.sample_times(selector, grid)?),
                _ => self.step_times(vector(0)?, grid),
            },
            Vector => Ok(scalars::vector(scalar(0)?)),
            Sort { descending } => Ok(sorting::sort(vector(0)?, descending)),
            SortByLabel { descending } => {
                let names = self.texts(&args[1..])?;
                let names: Vec<&str> =
                    names.iter().map(|name| labels::name(name, "label name")).collect::<Result<_, _>>()?;
                Ok(sorting::sort_by_labels(vector(0)?, &names, descending))
            }
            LabelReplace => {
                let texts = self.texts(&args[1..])?;
                let [target, replacement, source, regex] = texts[..] else {
                    return Err(PromqlError::execution("label_replace takes four strings"));
                };
                labels::replace(vector(0)?, [target, replacement, source, regex])
            }
            LabelJoin => {
                let texts = self.texts(&args[1..])?;
                let [target, separator, sources @ ..] = &texts[..] else {
                    return Err(PromqlError::execution("label_join takes at least two strings"));
                };
                labels::join(vector(0)?, target, separator, sources)
            }
            HistogramMoment(moment) => merge_same(histograms::moment(vector(0)?, moment)),
            HistogramQuantile => {
                let quantiles = scalar(0)?;
                self.check_quantiles(&quantiles, arg(0)?);
                let question = Question::Quantile(&quantiles);
                merge_same(histograms::ask(&vector(1)?, grid.len, &question, &note_at(1)))
            }
            HistogramFraction => {
                let (lower, upper) = (scalar(0)?, scalar(1)?);
                let question = Question::Fraction { lower: &lower, upper: &upper };
                merge_same(histograms::ask(&vector(2)?, grid.len, &question, &note_at(2)))
            }
            HistogramQuantiles => self.histogram_quantiles(args, grid, &note_at(0)),
            Scalar | Time | Pi | Bound(_) | MinOf | MaxOf => {
                Err(PromqlError::execution("an instant vector is expected, not a scalar"))
            }
        }
    }

    fn over_time(&self, node: &Node, function: OverTime, args: &[Node], grid: Grid) -> Result<Vec<Row>, PromqlError> {
        let Some(range) = args.last() else { return Err(PromqlError::execution("an argument is missing")) };
        let quantiles = match (function, args) {
            (OverTime::Quantile, [quantile, _]) => {
                let quantiles = self.scalar(quantile, grid)?;
                self.check_quantiles(&quantiles, quantile);
                quantiles
            }
            _ => Vec::new(),
        };
        let position = args.last().map_or(node.position, |arg| arg.position);
        let note = |note: Note| self.meter.note(position, note);
        self.over_windows(range, grid, function.keeps_name(), |window| {
            function.of(window, quantiles.get(window.step).copied().unwrap_or(f64::NAN), &note)
        })
    }

    fn smooth(&self, args: &[Node], grid: Grid) -> Result<Vec<Row>, PromqlError> {
        let [range, smoothing, trend] = args else { return Err(PromqlError::execution("an argument is missing")) };
        let (smoothing, trend) = (self.scalar(smoothing, grid)?, self.scalar(trend, grid)?);
        for (values, name) in [(&smoothing, "smoothing"), (&trend, "trend")] {
            if let Some(value) = values.iter().find(|value| !(**value > 0.0 && **value < 1.0)) {
                return Err(PromqlError::execution(format!(
                    "invalid {name} factor. Expected: 0 < factor < 1, got: {value}"
                )));
            }
        }
        let note = |note: Note| self.meter.note(range.position, note);
        self.floats_over_windows(range, grid, |window| {
            regression::smoothed(window, smoothing[window.step], trend[window.step], &note)
        })
    }

    fn clamp(&self, rows: Vec<Row>, lower: &[f64], upper: &[f64]) -> Result<Vec<Row>, PromqlError> {
        let mut clamped = math::map_floats(rows, |step, value| math::max(lower[step], math::min(upper[step], value)));
        for row in &mut clamped {
            for step in 0..row.cells.len() {
                if upper[step] < lower[step] {
                    row.cells.clear(step);
                }
            }
        }
        clamped.retain(|row| row.cells.has_any());
        merge_same(clamped)
    }

    /// `timestamp` of a computed vector: the time of the step wherever there is a value.
    fn step_times(&self, mut rows: Vec<Row>, grid: Grid) -> Result<Vec<Row>, PromqlError> {
        for row in &mut rows {
            row.labels = row.labels.without_name();
            for (step, time) in grid.times().enumerate() {
                if row.cells.is_present(step) {
                    row.cells.set_float(step, time as f64 / 1e3);
                }
            }
        }
        merge_same(rows)
    }

    fn histogram_quantiles(&self, args: &[Node], grid: Grid, note: &dyn Fn(Note)) -> Result<Vec<Row>, PromqlError> {
        let [vector, label, quantiles @ ..] = args else {
            return Err(PromqlError::execution("an argument is missing"));
        };
        let rows = self.vector(vector, grid)?;
        let label = self.texts(std::slice::from_ref(label))?;
        let label = labels::name(label.first().copied().unwrap_or_default(), "label name in histogram_quantiles()")?;
        let mut answers = Vec::new();
        for node in quantiles {
            let values = self.scalar(node, grid)?;
            self.check_quantiles(&values, node);
            // The label's value is that of the first step: a label cannot change over time.
            let shown = number::open_metrics(values.first().copied().unwrap_or(f64::NAN));
            let rows = histograms::ask(&rows, grid.len, &Question::Quantile(&values), note);
            answers
                .extend(rows.into_iter().map(|row| Row { labels: row.labels.with(label, &shown), cells: row.cells }));
        }
        merge_same(answers)
    }

    /// Warns of a quantile that is none.
    pub(super) fn check_quantiles(&self, values: &[f64], node: &Node) {
        if let Some(value) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            self.meter.note(node.position, Note::InvalidQuantile(*value));
        }
    }

    fn texts<'n>(&self, nodes: &'n [Node]) -> Result<Vec<&'n [u8]>, PromqlError> {
        nodes
            .iter()
            .map(|node| match &node.kind {
                NodeKind::Text(bytes) => Ok(bytes.as_slice()),
                _ => Err(PromqlError::execution("a string is expected")),
            })
            .collect()
    }
}
