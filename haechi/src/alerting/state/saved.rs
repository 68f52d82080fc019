//! The form of `state` and `deliveries` on disk, version 1: a line `haechi-alerts <version> <xxh3 of the rest in hex>`, then JSON.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use slo::alert::saved::{SavedAlerts, SavedGroup};
use slo::alert::{Transition, TransitionTo};
use slo::routing::Groups;
use slo::routing::saved::SavedAlertGroup;
use slo::rules::saved::{SavedChange, SavedRules};
use slo::rules::status::RuleChange;
use slo::silences::Silences;
use slo::silences::saved::SavedSilence;
use slo::spec::Severity;
use slo::status::{Attempt, AttemptOutcome};
use xxhash_rust::xxh3::xxh3_64;

use super::{Inner, Pending};

pub(super) const VERSION: u32 = 1;
const MAGIC: &str = "haechi-alerts";

pub(super) enum DecodeError {
    Damaged(String),
    NewerFormat(u32),
}

#[derive(Serialize, Deserialize)]
struct SavedState {
    alerts: SavedAlerts,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<SavedAlertGroup>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rules: Vec<SavedRules>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rule_history: Vec<SavedChange>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    silences: Vec<SavedSilence>,
    history: Vec<SavedTransition>,
    pending: Vec<SavedPending>,
    next_id: u64,
}

#[derive(Serialize, Deserialize)]
struct SavedTransition {
    slo: String,
    tier: String,
    #[serde(default, skip_serializing_if = "SavedGroup::is_all")]
    group: SavedGroup,
    severity: SavedSeverity,
    at: i64,
    to: SavedTo,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SavedSeverity {
    Page,
    Ticket,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SavedTo {
    Pending,
    Inactive,
    Firing,
    Resolved,
}

#[derive(Serialize, Deserialize)]
struct SavedPending {
    id: u64,
    receiver: String,
    slo: String,
    status: String,
    idempotency_key: String,
    created: i64,
    attempts: u32,
    next: i64,
    #[serde(default, skip_serializing_if = "is_false")]
    is_resend: bool,
}

#[derive(Serialize, Deserialize)]
struct SavedAttempt {
    time: i64,
    receiver: String,
    slo: String,
    status: String,
    idempotency_key: String,
    number: u32,
    took: i64,
    outcome: SavedOutcome,
    #[serde(default, skip_serializing_if = "is_false")]
    is_resend: bool,
    #[serde(default)]
    exchange: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SavedOutcome {
    Delivered(u16),
    Retried { error: String, code: Option<u16>, next: i64 },
    Silenced,
    GivenUp { error: String, code: Option<u16> },
}

pub(super) fn encode_state(inner: &Inner) -> Vec<u8> {
    frame(&SavedState {
        alerts: SavedAlerts::from_states(inner.alerts.values()),
        groups: inner.groups.to_saved(),
        silences: inner.silences.to_saved(),
        rules: inner.rules.clone(),
        rule_history: inner.rule_history.iter().map(SavedChange::from).collect(),
        history: inner.history.iter().map(SavedTransition::from).collect(),
        pending: inner.pending.iter().map(SavedPending::from).collect(),
        next_id: inner.next_id,
    })
}

pub(super) fn decode_state(bytes: &[u8]) -> Result<Inner, DecodeError> {
    let saved: SavedState = unframe(bytes)?;
    let alerts = saved.alerts.into_states().map_err(|newer| DecodeError::NewerFormat(newer.0))?;
    let mut pending: Vec<Pending> = saved.pending.into_iter().map(Pending::from).collect();
    pending.sort_by_key(|entry| entry.id);
    Ok(Inner {
        alerts: alerts.into_iter().map(|alerts| (alerts.slo.clone(), alerts)).collect(),
        groups: Groups::from_saved(saved.groups),
        silences: Silences::from_saved(saved.silences).map_err(DecodeError::Damaged)?,
        rules: saved.rules,
        rule_history: saved.rule_history.into_iter().map(RuleChange::from).collect(),
        history: saved.history.into_iter().map(Transition::from).collect(),
        pending,
        next_id: saved.next_id,
        log: VecDeque::new(),
        next_exchange: 0,
        heartbeat: None,
        dead: 0,
    })
}

pub(super) fn encode_log(log: &VecDeque<Attempt>) -> Vec<u8> {
    frame(&log.iter().map(SavedAttempt::from).collect::<Vec<_>>())
}

pub(super) fn decode_log(bytes: &[u8]) -> Result<VecDeque<Attempt>, DecodeError> {
    Ok(unframe::<Vec<SavedAttempt>>(bytes)?.into_iter().map(Attempt::from).collect())
}

fn frame(value: &impl Serialize) -> Vec<u8> {
    let json = serde_json::to_vec(value).expect("these structs have no map with keys other than text");
    let mut bytes = format!("{MAGIC} {VERSION} {:016x}\n", xxh3_64(&json)).into_bytes();
    bytes.extend_from_slice(&json);
    bytes
}

fn unframe<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let damaged = |reason: &str| DecodeError::Damaged(reason.to_owned());
    let end = bytes.iter().take(100).position(|byte| *byte == b'\n').ok_or_else(|| damaged("no first line"))?;
    let (line, json) = (&bytes[..end], &bytes[end + 1..]);
    let line = std::str::from_utf8(line).map_err(|_| damaged("the first line is not text"))?;
    let [MAGIC, version, hash] = line.split(' ').collect::<Vec<_>>()[..] else {
        return Err(damaged("not a file of alerts"));
    };
    let version: u32 = version.parse().map_err(|_| damaged("no version"))?;
    if version > VERSION {
        return Err(DecodeError::NewerFormat(version));
    }
    if version == 0 {
        return Err(damaged("no version"));
    }
    if u64::from_str_radix(hash, 16) != Ok(xxh3_64(json)) {
        return Err(damaged("wrong checksum"));
    }
    serde_json::from_slice(json).map_err(|error| damaged(&error.to_string()))
}

impl From<&Transition> for SavedTransition {
    fn from(transition: &Transition) -> Self {
        let severity = match transition.severity {
            Severity::Page => SavedSeverity::Page,
            Severity::Ticket => SavedSeverity::Ticket,
        };
        let to = match transition.to {
            TransitionTo::Pending => SavedTo::Pending,
            TransitionTo::Inactive => SavedTo::Inactive,
            TransitionTo::Firing => SavedTo::Firing,
            TransitionTo::Resolved => SavedTo::Resolved,
        };
        Self {
            slo: transition.slo.clone(),
            tier: transition.tier.clone(),
            group: (&transition.group).into(),
            severity,
            at: transition.at,
            to,
        }
    }
}

impl From<SavedTransition> for Transition {
    fn from(saved: SavedTransition) -> Self {
        let severity = match saved.severity {
            SavedSeverity::Page => Severity::Page,
            SavedSeverity::Ticket => Severity::Ticket,
        };
        let to = match saved.to {
            SavedTo::Pending => TransitionTo::Pending,
            SavedTo::Inactive => TransitionTo::Inactive,
            SavedTo::Firing => TransitionTo::Firing,
            SavedTo::Resolved => TransitionTo::Resolved,
        };
        Self { slo: saved.slo, tier: saved.tier, group: saved.group.into(), severity, at: saved.at, to }
    }
}

impl From<&Pending> for SavedPending {
    fn from(entry: &Pending) -> Self {
        let Pending { id, receiver, slo, status, idempotency_key, created, attempts, next, is_resend } = entry.clone();
        Self { id, receiver, slo, status, idempotency_key, created, attempts, next, is_resend }
    }
}

impl From<SavedPending> for Pending {
    fn from(saved: SavedPending) -> Self {
        let SavedPending { id, receiver, slo, status, idempotency_key, created, attempts, next, is_resend } = saved;
        Self { id, receiver, slo, status, idempotency_key, created, attempts, next, is_resend }
    }
}

impl From<&Attempt> for SavedAttempt {
    fn from(attempt: &Attempt) -> Self {
        let Attempt { time, receiver, slo, status, idempotency_key, number, took, outcome, is_resend, exchange } =
            attempt.clone();
        let outcome = match outcome {
            AttemptOutcome::Delivered(code) => SavedOutcome::Delivered(code),
            AttemptOutcome::Retried { error, code, next } => SavedOutcome::Retried { error, code, next },
            AttemptOutcome::Silenced => SavedOutcome::Silenced,
            AttemptOutcome::GivenUp { error, code } => SavedOutcome::GivenUp { error, code },
        };
        Self { time, receiver, slo, status, idempotency_key, number, took, outcome, is_resend, exchange }
    }
}

impl From<SavedAttempt> for Attempt {
    fn from(saved: SavedAttempt) -> Self {
        let SavedAttempt { time, receiver, slo, status, idempotency_key, number, took, outcome, is_resend, exchange } =
            saved;
        let outcome = match outcome {
            SavedOutcome::Delivered(code) => AttemptOutcome::Delivered(code),
            SavedOutcome::Retried { error, code, next } => AttemptOutcome::Retried { error, code, next },
            SavedOutcome::Silenced => AttemptOutcome::Silenced,
            SavedOutcome::GivenUp { error, code } => AttemptOutcome::GivenUp { error, code },
        };
        Self { time, receiver, slo, status, idempotency_key, number, took, outcome, is_resend, exchange }
    }
}
