//! The functions of PromQL by name. One family of them per file.

use super::plan::Type;

pub(super) mod absent;
pub(super) mod dates;
pub(super) mod histograms;
pub(super) mod instant_rate;
pub(super) mod labels;
pub(super) mod math;
pub(super) mod over_time;
pub(super) mod rate;
pub(super) mod regression;
pub(super) mod scalars;
pub(super) mod sorting;

use dates::Part;
use histograms::Moment;
use over_time::OverTime;

/// A function, resolved.
#[derive(Clone, Copy, Debug)]
pub(super) enum Function {
    Absent,
    AbsentOverTime,
    Clamp,
    ClampMax,
    ClampMin,
    DatePart(Part),
    Delta,
    Deriv,
    DoubleExponentialSmoothing,
    HistogramFraction,
    HistogramMoment(Moment),
    HistogramQuantile,
    HistogramQuantiles,
    Idelta,
    Increase,
    Irate,
    LabelJoin,
    LabelReplace,
    Math(fn(f64) -> f64),
    MaxOf,
    MinOf,
    OverTime(OverTime),
    Pi,
    PredictLinear,
    Bound(Bound),
    Rate,
    Round,
    Scalar,
    Sort { descending: bool },
    SortByLabel { descending: bool },
    Time,
    Timestamp,
    Vector,
}

/// What a query's own times are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Start,
    End,
    Step,
    Range,
}

impl Function {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let family = math::parse(name).map(Function::Math);
        let family = family.or_else(|| over_time::OverTime::parse(name).map(Function::OverTime));
        let family = family.or_else(|| Part::parse(name).map(Function::DatePart));
        if family.is_some() {
            return family;
        }
        use Function::*;
        Some(match name {
            "absent" => Absent,
            "absent_over_time" => AbsentOverTime,
            "clamp" => Clamp,
            "clamp_max" => ClampMax,
            "clamp_min" => ClampMin,
            "delta" => Delta,
            "deriv" => Deriv,
            "double_exponential_smoothing" => DoubleExponentialSmoothing,
            "end" => Bound(self::Bound::End),
            "histogram_avg" => HistogramMoment(Moment::Avg),
            "histogram_count" => HistogramMoment(Moment::Count),
            "histogram_fraction" => HistogramFraction,
            "histogram_quantile" => HistogramQuantile,
            "histogram_quantiles" => HistogramQuantiles,
            "histogram_stddev" => HistogramMoment(Moment::Stddev),
            "histogram_stdvar" => HistogramMoment(Moment::Stdvar),
            "histogram_sum" => HistogramMoment(Moment::Sum),
            "idelta" => Idelta,
            "increase" => Increase,
            "irate" => Irate,
            "label_join" => LabelJoin,
            "label_replace" => LabelReplace,
            "max_of" => MaxOf,
            "min_of" => MinOf,
            "pi" => Pi,
            "predict_linear" => PredictLinear,
            "range" => Bound(self::Bound::Range),
            "rate" => Rate,
            "round" => Round,
            "scalar" => Scalar,
            "sort" => Sort { descending: false },
            "sort_by_label" => SortByLabel { descending: false },
            "sort_by_label_desc" => SortByLabel { descending: true },
            "sort_desc" => Sort { descending: true },
            "start" => Bound(self::Bound::Start),
            "step" => Bound(self::Bound::Step),
            "time" => Time,
            "timestamp" => Timestamp,
            "vector" => Vector,
            _ => return None,
        })
    }

    pub(super) fn returns(&self) -> Type {
        use Function::*;
        match self {
            Scalar | Time | Pi | MinOf | MaxOf | Bound(_) => Type::Scalar,
            _ => Type::Vector,
        }
    }

    /// Whether the result can differ between steps although all arguments are the same.
    pub(super) fn depends_on_step(&self) -> bool {
        use Function::*;
        matches!(self, Time | Timestamp | PredictLinear | DatePart(_))
    }
}
