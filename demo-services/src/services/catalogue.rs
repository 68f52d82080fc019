//! `catalogue`: venues, shows and their seats. It owns the seats: a seat is held, sold or given back here, once.

mod api;
mod cache;
mod programme;
mod seat;
mod store;
pub(crate) mod wire;

use std::time::Duration;

use futures::FutureExt;

use self::api::Catalogue;
use self::store::Store;
use super::Parts;
use crate::config::ServiceConfig;
use crate::database::Database;
use crate::error::DemoError;
use crate::http_server;
use crate::telemetry::Telemetry;

/// How often shows are opened, closed and forgotten, and lost holds are given back.
const UPKEEP: Duration = Duration::from_secs(5);

pub(super) async fn build(config: &ServiceConfig, telemetry: &Telemetry) -> Result<Parts, DemoError> {
    let store = Store::new(Database::open(config, telemetry, store::SCHEMA)?);
    programme::upkeep(&store, telemetry)
        .await
        .map_err(|source| DemoError::Database { service: config.service, source })?;
    let router =
        http_server::instrumented(api::router(Catalogue::new(store.clone(), telemetry)), config.service, telemetry);
    let upkeep = {
        let telemetry = telemetry.clone();
        async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                if let Err(error) = programme::upkeep(&store, &telemetry).await {
                    tracing::error!(
                        name: "catalogue.upkeep_failed",
                        { exception.message = %error },
                        "upkeep of the programme failed"
                    );
                }
            }
        }
    };
    Ok(Parts { router, tasks: vec![upkeep.boxed()] })
}
