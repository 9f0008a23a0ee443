//! A directory with a kustomization, by the real Kustomize.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::answer::{ask, objects};
use super::charts::{Chart, Charted};
use super::origins::{Origins, Place};
use super::plain::twice;
use super::reads::Recorder;
use crate::kit::{KitSource, Kustomize};
use crate::manifest::{Finding, Limits, Manifest, Origin, Spans};
use crate::sandbox::{RendererKind, Renderers};

/// Rounds of charts: those that come up only where others are known are asked for later.
const ROUNDS: usize = 8;
/// Charts of one kit.
const CHARTS: usize = 100;
/// Bytes of all that they come to.
const CHARTED: usize = 16 << 20;

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Wanted { charts: Vec<Chart> },
    Built(Built),
}

#[derive(Deserialize)]
struct Built {
    yaml: String,
    /// Of each object, where it comes from, if that is known.
    origins: Vec<Option<Place>>,
    /// In the order in which they were read.
    kustomizations: Vec<String>,
}

pub(super) fn kustomize(
    recorder: &Recorder,
    kit: &KitSource,
    how: &Kustomize,
    renderers: &Renderers,
    limits: &Limits,
) -> Result<Vec<Manifest>, Vec<Finding>> {
    let built = built(recorder, kit, how, renderers)?;
    let own = kit.renderer.named_at(kit.path.as_str());
    let own = Origin::new(own, 0);
    let mut manifests = objects(&built.yaml, &own, limits)?;
    let mut origins = Origins::new(recorder, limits, &built.kustomizations);
    let known = manifests.len() == built.origins.len();
    for (at, manifest) in manifests.iter_mut().enumerate() {
        match built.origins.get(at).filter(|_| known) {
            Some(Some(place)) => origins.put(manifest, place, &own),
            _ => {
                manifest.origin = own.clone();
                manifest.spans = Arc::new(Spans::of_line(0));
            }
        }
    }
    match twice(&manifests) {
        found if found.is_empty() => Ok(manifests),
        found => Err(found),
    }
}

fn built(
    recorder: &Recorder,
    kit: &KitSource,
    how: &Kustomize,
    renderers: &Renderers,
) -> Result<Built, Vec<Finding>> {
    let mut charted: Vec<Charted> = Vec::new();
    for _ in 0..ROUNDS {
        let request = json!({
            "path": kit.path.as_str(),
            "loadRestrictions": if how.unrestricted { "none" } else { "rootOnly" },
            "charted": charted,
        });
        let kind = RendererKind::Kustomize;
        match ask(renderers, kind, &request, kit, recorder)? {
            Answer::Built(built) => return Ok(built),
            Answer::Wanted { charts } if charted.len() + charts.len() <= CHARTS => {
                for chart in charts {
                    charted.push(chart.rendered(recorder, kit, how, renderers)?);
                    let made: usize = charted.iter().map(Charted::bytes).sum();
                    if made > CHARTED {
                        let message = format!("its charts came to more than {} MiB", CHARTED >> 20);
                        return Err(vec![refused("render-memory", message, kit)]);
                    }
                    // As much as one render may take.
                    if recorder.spent() > renderers.fuel() {
                        recorder.give_up(renderers.is_hurried());
                        let message = "its charts took more fuel than a render may take".to_owned();
                        return Err(vec![refused("render-fuel", message, kit)]);
                    }
                }
            }
            Answer::Wanted { .. } => break,
        }
    }
    let message = format!("its kustomizations have more than {CHARTS} charts, or charts of charts");
    Err(vec![refused("kustomize", message, kit)])
}

fn refused(rule: &str, message: String, kit: &KitSource) -> Finding {
    let at = Origin::new(kit.renderer.named_at(kit.path.as_str()), 1);
    let finding = Finding::host_error(rule, message).at(at);
    finding.hint("make it several kits")
}
