//! Backtests for the pages: one at a time, on the threads of queries, for a few seconds.

use std::sync::Arc;
use std::time::Duration;

use model::TimeRange;
use query::{Engine, QueryError};
use slo::Slo;
use slo::ratio::Objective;
use slo::rules::RuleGroup;
use tokio::sync::Semaphore;
use ui::{Backtests, RuleFiring, RulesBacktest, SloBacktest};

use crate::alerting::backtest::over_counts;
use crate::alerting::rules::replay::replay;
use crate::alerting::{Counted, OfSlo};

/// What is not done by then is left out.
const TIME: Duration = Duration::from_secs(10);

pub(super) fn backtests(engine: &Arc<Engine>, counted: Counted) -> Backtests {
    // Queries share two threads; backtests leave one of them to others.
    let turn = Arc::new(Semaphore::new(1));
    let (engine_of_rules, turn_of_rules) = (Arc::clone(engine), Arc::clone(&turn));
    let engine = Arc::clone(engine);
    Backtests {
        slo: Arc::new(move |name, objective, range| {
            let (engine, counted, turn) = (Arc::clone(&engine), counted.clone(), Arc::clone(&turn));
            Box::pin(async move {
                let _turn = turn.acquire().await;
                of_slo(&engine, counted, name, objective, range).await
            })
        }),
        rules: Arc::new(move |group, range| {
            let (engine, turn) = (Arc::clone(&engine_of_rules), Arc::clone(&turn_of_rules));
            Box::pin(async move {
                let _turn = turn.acquire().await;
                of_rules(&engine, group, range).await
            })
        }),
    }
}

async fn of_slo(
    engine: &Engine,
    counted: Counted,
    name: String,
    objective: Objective,
    range: TimeRange,
) -> Result<SloBacktest, QueryError> {
    let gone = || QueryError::BadParameter(format!("there is no SLO {name:?} any more"));
    let OfSlo { slo, counts, is_all } = counted.of(name.clone()).await.ok_or_else(gone)?;
    let slo = with_objective(&slo, objective);
    let answer = engine.run_within(TIME, move |_, budget| {
        let (groups, n_groups) = over_counts(&slo, &counts, is_all, range, || budget.check().is_ok());
        budget.is_out_of_time()?;
        Ok(SloBacktest { groups, n_groups })
    });
    answer.await
}

/// The SLO with another objective, and those of its tiers that can fire with it.
fn with_objective(slo: &Slo, objective: Objective) -> Slo {
    let mut slo = Slo { objective, ..slo.clone() };
    slo.alerting.tiers.retain(|tier| tier.burn_rate.is_reachable(objective));
    slo
}

async fn of_rules(engine: &Engine, group: Arc<RuleGroup>, range: TimeRange) -> Result<RulesBacktest, QueryError> {
    let answer = engine.run_within(TIME, move |snapshot, budget| {
        let replayed = replay(snapshot.clone(), &[group], range, || budget.check().is_ok());
        budget.is_out_of_time()?;
        let fired = replayed.fired.into_iter();
        Ok(RulesBacktest {
            fired: fired.map(|it| RuleFiring { labels: it.labels, since: it.since, until: it.until }).collect(),
            evaluations: replayed.evaluations,
            failed: replayed.failed.into_iter().map(|((_, rule), why)| (rule, why)).collect(),
            reached: replayed.reached,
        })
    });
    answer.await
}
