//! Two receivers of webhooks that write down what they are told, and under which key. One of them refuses the first attempt of
//! many notifications; both can be made to hold back an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::sync::watch;

/// Their names, and the last part of their addresses.
pub(super) const NAMES: [&str; 2] = ["steady", "moody"];

/// One request.
struct Told {
    receiver: String,
    key: String,
    body: Bytes,
    /// The SLO of its alert, or the name of the alert of a rule.
    subject: String,
    status: String,
    /// When its alert began, as it says.
    starts_at: String,
    /// Whether it was answered by 200.
    is_taken: bool,
}

#[derive(Default)]
pub(super) struct Receivers {
    told: Mutex<Vec<Told>>,
    holds: AtomicBool,
    /// Counts the requests that were not answered.
    held: watch::Sender<u64>,
}

/// What they were told in the end.
#[derive(Default)]
pub(super) struct Sum {
    pub(super) requests: usize,
    pub(super) notifications: usize,
    /// Requests of a notification that its receiver had taken before.
    pub(super) repeated: usize,
}

impl Receivers {
    /// Both, and the address that they share.
    pub(super) async fn start() -> (Arc<Self>, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let receivers = Arc::new(Self::default());
        let app = Router::new().route("/{name}", post(take)).with_state(Arc::clone(&receivers));
        tokio::spawn(async move { axum::serve(listener, app).await });
        (receivers, url)
    }

    /// From here on no request is answered; ready when there is one.
    pub(super) async fn hold(&self) {
        let mut held = self.held.subscribe();
        self.holds.store(true, Ordering::SeqCst);
        held.changed().await.unwrap();
    }

    pub(super) fn answer(&self) {
        self.holds.store(false, Ordering::SeqCst);
    }

    /// Whether both took a notification that says this of a subject.
    pub(super) fn know(&self, subject: &str, status: &str) -> bool {
        let told = self.lock();
        let is_this = |it: &&Told| it.is_taken && it.subject == subject && it.status == status;
        let who: BTreeSet<&str> = told.iter().filter(is_this).map(|it| it.receiver.as_str()).collect();
        who.len() == NAMES.len()
    }

    /// When the alert of a subject began, as they were told.
    pub(super) fn began(&self, subject: &str) -> Option<String> {
        self.lock().iter().find(|it| it.subject == subject).map(|it| it.starts_at.clone())
    }

    /// Each of `subjects` was told to each receiver as firing, then as resolved, each under one key, and nothing else was told.
    pub(super) fn check(&self, subjects: &BTreeSet<String>) -> Sum {
        let told = self.lock();
        let mut bodies: BTreeMap<(&str, &str), &Bytes> = BTreeMap::new();
        let mut taken: BTreeSet<(&str, &str)> = BTreeSet::new();
        let mut keys: BTreeMap<(&str, &str), Vec<(&str, &str)>> = BTreeMap::new();
        let mut sum = Sum { requests: told.len(), ..Sum::default() };
        for it in told.iter() {
            let notification = (it.receiver.as_str(), it.key.as_str());
            let first = *bodies.entry(notification).or_insert(&it.body);
            assert_eq!(first, &it.body, "two bodies under the key {} of {}", it.key, it.subject);
            let known = keys.entry((&it.receiver, &it.subject)).or_default();
            if !known.contains(&(it.status.as_str(), it.key.as_str())) {
                let before = known.last().map(|(_, key)| (it.receiver.as_str(), *key));
                assert!(before.is_none_or(|before| taken.contains(&before)), "{} is told out of order", it.subject);
                known.push((&it.status, &it.key));
            }
            sum.repeated += usize::from(taken.contains(&notification));
            if it.is_taken {
                taken.insert(notification);
            }
        }
        sum.notifications = bodies.len();
        for receiver in NAMES {
            for subject in subjects {
                let known = keys.remove(&(receiver, subject.as_str())).unwrap_or_default();
                let said: Vec<&str> = known.iter().map(|(status, _)| *status).collect();
                assert_eq!(said, ["firing", "resolved"], "{receiver} of {subject}: {known:?}");
            }
        }
        assert!(keys.is_empty(), "told of what was not to be: {keys:?}");
        sum
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Told>> {
        self.told.lock().unwrap()
    }
}

async fn take(
    State(receivers): State<Arc<Receivers>>,
    Path(receiver): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let json: Value = serde_json::from_slice(&body).unwrap();
    let alerts = json["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 1, "{json}");
    let labels = &alerts[0]["labels"];
    let subject = labels["slo"].as_str().or(labels["alertname"].as_str()).unwrap().to_owned();
    let holds = receivers.holds.load(Ordering::SeqCst);
    let is_taken = {
        let mut told = receivers.lock();
        // Every other key, and its first attempt only.
        let is_moody = receiver == "moody" && key.bytes().map(u32::from).sum::<u32>().is_multiple_of(2);
        let is_known = told.iter().any(|it| it.receiver == receiver && it.key == key);
        let is_taken = !holds && (is_known || !is_moody);
        let text = |field: &str| alerts[0][field].as_str().unwrap().to_owned();
        let (status, starts_at) = (text("status"), text("startsAt"));
        told.push(Told { receiver, key, body, subject, status, starts_at, is_taken });
        is_taken
    };
    if holds {
        receivers.held.send_modify(|count| *count += 1);
        return std::future::pending().await;
    }
    if is_taken { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
