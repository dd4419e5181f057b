//! Books that older versions wrote, read as what they meant.

use serde::{Deserialize, Deserializer};

use super::{Alert, severity_rank};
use crate::alert::error_rate::Severity;

/// Older books do not say how loudly receivers were told. A severity only ever rises, so what is information now was told as that;
/// everything else counts as a warning, so that what is critical is told once more, which is better than never.
pub(super) fn read_alerts<'de, D: Deserializer<'de>>(stored: D) -> Result<Vec<Alert>, D::Error> {
    let mut alerts = Vec::<Alert>::deserialize(stored)?;
    for alert in &mut alerts {
        let warning = Severity::Warning.as_str();
        let is_quieter = severity_rank(&alert.severity) < severity_rank(warning);
        let severity = if is_quieter { alert.severity.as_str() } else { warning };
        for told in alert.told.values_mut().filter(|told| told.severity.is_empty()) {
            severity.clone_into(&mut told.severity);
        }
    }
    Ok(alerts)
}
