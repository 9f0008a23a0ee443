//! `trimtab host`.

use clap::Args;
use serde_json::Value;

use super::ask::HostArgs;
use super::{Failure, Outcome, Output};

/// Show which host acts, and what it is responsible for
///
/// Asks the host itself: through the API server with what your kubeconfig may do, or by its socket
/// on the machine that it runs on.
///
///   trimtab host
///   trimtab host --socket /cache/trimtab/host.sock --output json
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Host {
    #[command(flatten)]
    host: HostArgs,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

impl Host {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let told = self.host.ask("/v1/host", &[])?;
        match self.output {
            Output::Json => super::print(&format!("{told:#}\n"))?,
            Output::Text => super::print(&text(&told))?,
        }
        Ok(Outcome::Fine)
    }
}

fn text(told: &Value) -> String {
    let words = |name: &str| told[name].as_str().unwrap_or("?");
    let scope = match told["onlyNamespace"].as_str() {
        Some(namespace) => format!("those of the namespace {namespace}"),
        None => "those of all namespaces".into(),
    };
    let webhook = match told["admission"] == true {
        true => "served",
        false => "not served",
    };
    let mut text = format!(
        "{identity} acts since {since}\n  version            {version}\n  lease              {namespace}/trimtab\n  admission webhook  {webhook}\n  Repositories       {scope}\n",
        identity = words("identity"),
        since = words("leadsSince"),
        version = words("version"),
        namespace = words("namespace"),
    );
    for repository in told["repositories"].as_array().into_iter().flatten() {
        let repository = repository.as_str().unwrap_or("?");
        text.push_str(&format!("  {:19}{repository}\n", ""));
    }
    text
}
