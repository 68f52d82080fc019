//! `/slos`: every SLO with its budget.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use crate::app::{App, page};
use crate::icon::Icon;
use crate::shell::Shell;
use crate::slo_view::{Notices, SloCard};

#[derive(Template)]
#[template(path = "slos.html")]
struct SlosPage {
    shell: Shell,
    slos: Vec<Row>,
    notices: Notices,
}

struct Row {
    card: SloCard,
    /// Burn rate of the two windows of the most urgent tier, and its threshold.
    burn: Option<(String, String, String)>,
    condition: &'static str,
    /// Empty for an SLO without groups.
    groups: String,
}

/// `GET /slos`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers).without_range();
    let status = (app.state.slo_status)();
    let rows = status.slos.iter().map(|slo| {
        let first = slo.slo.alerting.tiers.first().zip(slo.tiers.first());
        Row {
            card: SloCard::new(&shell, slo),
            burn: first.map(|(tier, reading)| {
                let rate = |count| crate::slo_view::burn(count, slo.slo.objective);
                let windows = format!("{} and {}", slo::duration::format(tier.long), slo::duration::format(tier.short));
                (
                    format!("{} / {}", rate(reading.long.count), rate(reading.short.count)),
                    format!("{}×", tier.burn_rate),
                    windows,
                )
            }),
            condition: first.map_or("", |(_, reading)| reading.condition.name()),
            groups: crate::slo_view::groups_words(slo),
        }
    });
    let slos = rows.collect();
    page(StatusCode::OK, &SlosPage { slos, notices: Notices::of(&status, shell.now, None), shell })
}
