//! Questions about alerts, and what people may do about them.

use axum::routing::{delete, get, post};

use super::{Answer, Operation, operation, schema};
use crate::alert::book::{Alert, Silence};
use crate::query::alerts;

pub(super) fn all() -> Vec<Operation> {
    vec![
        operation(
            "/api/v1/alerts",
            "listAlerts",
            "Alerts that fire, are pending, or were resolved, and how the watch goes.",
            &[],
            Answer::Json(schema::<alerts::AlertList>),
            get(alerts::all),
        ),
        operation(
            "/api/v1/alerts/{id}",
            "showAlert",
            "One alert with all its evidence.",
            &[],
            Answer::Json(schema::<Alert>),
            get(alerts::one),
        ),
        operation(
            "/api/v1/alert-rules",
            "showAlertRules",
            "The rules in force, who is told, and what is wrong with a file that was refused.",
            &[],
            Answer::Json(schema::<alerts::AlertRules>),
            get(alerts::rules),
        ),
        operation(
            "/api/v1/silences",
            "listSilences",
            "Silences that have not ended.",
            &[],
            Answer::Json(schema::<alerts::Silences>),
            get(alerts::silences),
        ),
        Operation {
            method: "post",
            body: Some(schema::<Silence>),
            ..operation(
                "/api/v1/silences",
                "makeSilence",
                "Keeps alerts quiet until a moment.",
                &[],
                Answer::Created(schema::<alerts::MadeSilence>),
                post(alerts::silence),
            )
        },
        Operation {
            method: "delete",
            ..operation(
                "/api/v1/silences/{id}",
                "endSilence",
                "Ends a silence.",
                &[],
                Answer::Nothing,
                delete(alerts::end_silence),
            )
        },
    ]
}
