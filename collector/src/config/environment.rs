//! Variables of the environment inside the configuration file: `${env:NAME}`, as in the OpenTelemetry Collector.

use std::env;

/// Where variables come from.
pub(super) trait Environment {
    /// The value of a variable; `None` when it is not set, or no text.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
pub(super) struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        env::var(name).ok()
    }
}

/// Puts the values of variables in their places; `$$` is a dollar sign. An error says what would be right.
pub(super) fn expand(text: &str, environment: &dyn Environment) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some(behind) = behind.strip_prefix('$') {
            expanded.push('$');
            rest = behind;
        } else if let Some(opened) = behind.strip_prefix('{') {
            let (reference, behind) = opened
                .split_once('}')
                .ok_or("`${` has no `}`: write ${env:NAME}, or $$ for a dollar sign")?;
            expanded.push_str(&look_up(reference, environment)?);
            rest = behind;
        } else {
            expanded.push('$');
            rest = behind;
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// `env:NAME`, or `env:NAME:-what stands in where it is not set`.
fn look_up(reference: &str, environment: &dyn Environment) -> Result<String, String> {
    let Some(variable) = reference.strip_prefix("env:") else {
        return Err(format!("`${{{reference}}}` is not understood: write ${{env:NAME}}"));
    };
    let (name, default) =
        variable.split_once(":-").map_or((variable, None), |(name, default)| (name, Some(default)));
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err(format!("`${{{reference}}}` names no variable: write letters, digits and `_`"));
    }
    environment.get(name).or_else(|| default.map(str::to_owned)).ok_or_else(|| {
        format!("the variable {name} is not set: set it, or write ${{env:{name}:-what stands in}}")
    })
}
