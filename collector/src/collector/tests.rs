//! The path of a body, from its last byte to the store's answer, and back from the log.

use std::path::Path;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, NumberDataPoint};
use prost::Message;
use store::{StoreConfig, Table};

use super::*;
use crate::testing::{collector_over, sample};

mod replay;
mod room;

const OWN: BodyKind = BodyKind::Otlp(Signal::Metrics);

#[tokio::test]
async fn own_metrics_beyond_the_limit_of_series_are_no_success() {
    let (_dir, store, collector) =
        collector_over(|dir| StoreConfig { max_series: 1, ..StoreConfig::new(dir) }, Limits::default());
    let other = NumberDataPoint { attributes: Vec::new(), ..sample::number(2) };
    let gauge = |data_points| sample::metrics(vec![sample::metric(Data::Gauge(Gauge { data_points }))]);
    let body = |data_points| Bytes::from(gauge(data_points).encode_to_vec());
    assert_eq!(collector.store_own(OWN, body(vec![sample::number(1)])).await, Ok(()));
    let error = collector.store_own(OWN, body(vec![sample::number(2), other.clone()])).await.unwrap_err();
    assert!(error.starts_with("1 data point rejected") && error.contains("max_series"), "{error}");
    assert_eq!(store.snapshot().n_rows(Table::Points), 2, "what there is room for is stored");
    assert!(collector.store_own(OWN, body(vec![other])).await.is_err());
}

#[tokio::test]
async fn a_decoder_that_never_began_is_to_be_asked_again() {
    let task = tokio::spawn(std::future::pending::<()>());
    task.abort();
    assert!(matches!(not_done(&task.await.unwrap_err()), Refusal::Overloaded));
    let panicked = tokio::task::spawn_blocking(|| std::panic::resume_unwind(Box::new("a defect")));
    assert!(matches!(not_done(&panicked.await.unwrap_err()), Refusal::Internal));
}
