//! Data sources for Grafana lead to what the collector really answers, as Grafana asks when somebody presses "Test".

use anyhow::{Context, Result, ensure};
use harness::collector::{Collector, Ports};
use harness::http::Client;
use serde_json::Value;

use crate::objects::{Rendered, items, kind, name};

/// Where the Service of the manifests leads to: the port of the API.
const SERVICE: &str = "http://throughline-collector.throughline.svc.cluster.local:16686";
/// The kinds, and what Grafana asks each first.
const FIRST_QUESTIONS: [(&str, &str); 2] = [("tempo", "/api/echo"), ("jaeger", "/api/services")];

pub(crate) fn data_sources_answer(rendered: &mut Rendered) -> Result<()> {
    let collector = Collector::start(Ports::free()?, &rendered.run)?;
    let objects =
        rendered.sets.get("components/monitoring").context("there is a component for monitoring")?;
    let is_wanted = |object: &&Value| kind(object) == "ConfigMap" && name(object).ends_with("-datasources");
    let map = objects.iter().find(is_wanted).context("there are data sources")?;
    let texts = map["data"].as_object().into_iter().flatten().filter_map(|(_, text)| text.as_str());
    let mut kinds = Vec::new();
    for text in texts {
        let file: Value = serde_saphyr::from_str(text).context("the data sources are not YAML")?;
        for source in items(&file["datasources"]) {
            let kind = source["type"].as_str().context("a type")?;
            let (_, question) =
                FIRST_QUESTIONS.iter().find(|(one, _)| *one == kind).context("a kind that is known")?;
            let path = source["url"].as_str().and_then(|url| url.strip_prefix(SERVICE));
            let path = path.with_context(|| format!("{} is not the collector", source["url"]))?;
            let url = format!("{}{path}{question}", collector.url());
            let answer = Client::new().get(&url)?;
            ensure!(answer.status == 200, "{kind}: {path}{question} got status {}", answer.status);
            println!("  {kind}: GET {path}{question} -> {}", answer.text()?.trim());
            kinds.push(kind.to_owned());
        }
    }
    kinds.sort();
    ensure!(kinds == ["jaeger", "tempo"], "data sources of the kinds {kinds:?}");
    Ok(())
}
