//! How the pages ask what alerts would have done. Dropping an answer that is waited for ends the work.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use model::{Nanos, TimeRange};
use query::QueryError;
use slo::backtest::Backtest;
use slo::groups::Group;
use slo::ratio::Objective;
use slo::rules::{Labels, RuleGroup};

type Answer<T> = BoxFuture<'static, Result<T, QueryError>>;

/// Backtests over what is counted and stored, in bounded time: what is not done by then is left out.
#[derive(Clone)]
pub struct Backtests {
    /// Of the SLO of that name, with that objective, over the counts of the box.
    pub slo: Arc<dyn Fn(String, Objective, TimeRange) -> Answer<SloBacktest> + Send + Sync>,
    /// Of a group of rules, over stored metrics.
    pub rules: Arc<dyn Fn(Arc<RuleGroup>, TimeRange) -> Answer<RulesBacktest> + Send + Sync>,
}

/// What the alerts of an SLO would have done.
#[derive(Clone, Debug, Default)]
pub struct SloBacktest {
    /// Of each group, those with most bad events first; or of all events.
    pub groups: Vec<(Group, Backtest)>,
    /// How many groups there are, of which the last ones may be left out.
    pub n_groups: usize,
}

/// What the alerts of a group of rules would have done.
#[derive(Clone, Debug, Default)]
pub struct RulesBacktest {
    /// In the order in which they began to fire.
    pub fired: Vec<RuleFiring>,
    pub evaluations: usize,
    /// Rules that failed, by their names: how often, and why the first time.
    pub failed: BTreeMap<String, (usize, String)>,
    /// Until when it went.
    pub reached: Nanos,
}

/// An alert of a rule from its beginning to its end.
#[derive(Clone, Debug)]
pub struct RuleFiring {
    pub labels: Labels,
    pub since: Nanos,
    /// `None` if it still fires at the end.
    pub until: Option<Nanos>,
}

impl Backtests {
    /// Nothing is counted or stored.
    pub fn none() -> Self {
        Self {
            slo: Arc::new(|_, _, _| Box::pin(async { Ok(SloBacktest::default()) })),
            rules: Arc::new(|_, range| {
                Box::pin(async move { Ok(RulesBacktest { reached: range.end, ..RulesBacktest::default() }) })
            }),
        }
    }
}

impl fmt::Debug for Backtests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backtests").finish_non_exhaustive()
    }
}
