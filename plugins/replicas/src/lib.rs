//! Enough replicas, apart from each other, of which a node that is drained takes only some.

mod budget;
mod spread;
mod workload;

use std::fmt::Display;

use schemars::JsonSchema;
use serde::Deserialize;
use trimtab_plugin::{
    Context, Exemption, Finished, Object, Pattern, Report, Rule, Selection, Severity, Validator,
};

use budget::Budget;
use spread::Spread;
use workload::Workload;

/// How many replicas workloads have, and what keeps them up.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Fewest replicas of a Deployment or StatefulSet; 2 by default.
    pub minimum: u64,
    /// Fewest replicas of some of them; the first entry that covers a workload counts.
    pub minimums: Vec<Minimum>,
    /// Most replicas; any number by default.
    pub maximum: Option<u64>,
    /// Whether `replicas: 0`, which switches a workload off, is fine; true by default.
    pub allow_zero: bool,
    /// Whether more than one replica wants a PodDisruptionBudget; true by default.
    pub budgets: bool,
    /// Whether budgets must let Pods go that are not healthy (`unhealthyPodEvictionPolicy: AlwaysAllow`); false by default.
    pub evict_unhealthy: bool,
    /// Whether more than one replica wants to be spread; true by default.
    pub spread: bool,
    /// Patterns of topology keys that count as spread; any by default.
    pub topology_keys: Vec<Pattern>,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            minimum: 2,
            minimums: Vec::new(),
            maximum: None,
            allow_zero: true,
            budgets: true,
            evict_unhealthy: false,
            spread: true,
            topology_keys: Vec::new(),
            exempt: Vec::new(),
        }
    }
}

/// A minimum of its own.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Minimum {
    /// The workloads.
    #[serde(rename = "for")]
    pub workloads: Selection,
    /// Fewest replicas.
    pub replicas: u64,
}

pub struct Replicas;

impl Rule for Replicas {
    type Settings = Settings;
    const NAME: &'static str = "replicas";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Workloads have enough replicas, apart from each other, and survive a node that is drained.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "minimum",
            "a workload, or its autoscaler, has at least settings.minimum replicas",
        ),
        ("maximum", "it has at most settings.maximum"),
        (
            "budget",
            "a PodDisruptionBudget selects the Pods of a workload with several replicas",
        ),
        (
            "budget-blocks",
            "a PodDisruptionBudget lets at least one Pod go",
        ),
        (
            "budget-twice",
            "no Pods are selected by two PodDisruptionBudgets",
        ),
        (
            "budget-unhealthy",
            "a PodDisruptionBudget lets Pods go that are not healthy",
        ),
        (
            "spread",
            "a workload with several replicas keeps its Pods apart",
        ),
    ];
    const KINDS: &'static [&'static str] = &[
        "Deployment.apps",
        "StatefulSet.apps",
        "PodDisruptionBudget.policy",
        "HorizontalPodAutoscaler.autoscaling",
    ];
}

impl Validator for Replicas {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let mut judge = Judge {
            settings: &context.settings,
            workloads: Workload::all(objects),
            budgets: Budget::all(objects),
            report,
        };
        judge.all();
    }
}

struct Judge<'j> {
    settings: &'j Settings,
    workloads: Vec<Workload<'j>>,
    budgets: Vec<Budget<'j>>,
    report: &'j mut Report,
}

impl Judge<'_> {
    fn all(&mut self) {
        let workloads = std::mem::take(&mut self.workloads);
        let budgets = std::mem::take(&mut self.budgets);
        for workload in &workloads {
            self.size(workload);
            if workload.least > 1 {
                self.budget(workload, &workloads, &budgets);
                self.spread(workload);
            }
            self.once(workload, &budgets);
        }
        for budget in &budgets {
            self.blocks(budget, &workloads);
            self.unhealthy(budget);
        }
    }

    fn tell(
        &mut self,
        severity: Severity,
        rule: &str,
        message: impl Display,
        object: &Object,
        field: &str,
    ) -> Option<Finished<'_>> {
        if Exemption::any(&self.settings.exempt, rule, object, None) {
            return None;
        }
        Some(match severity {
            Severity::Error => self.report.error(rule, message, object, field),
            _ => self.report.warning(rule, message, object, field),
        })
    }

    fn size(&mut self, workload: &Workload<'_>) {
        let settings = self.settings;
        if workload.is_off() && settings.allow_zero {
            return;
        }
        let mut own = settings.minimums.iter();
        let own = own.find(|it| it.workloads.covers(workload.object));
        let minimum = own.map_or(settings.minimum, |it| it.replicas);
        if workload.least < minimum {
            let wanted = format!("at least {minimum} {} wanted", are(minimum));
            self.replicas("minimum", workload, workload.least, &wanted, minimum);
        }
        if let Some(maximum) = settings.maximum.filter(|it| workload.most > *it) {
            let wanted = format!("at most {maximum} {} allowed", are(maximum));
            self.replicas("maximum", workload, workload.most, &wanted, maximum);
        }
    }

    fn replicas(
        &mut self,
        rule: &str,
        workload: &Workload<'_>,
        size: u64,
        wanted: &str,
        instead: u64,
    ) {
        // A workload's exemption is its autoscaler's as well.
        if Exemption::any(&self.settings.exempt, rule, workload.object, None) {
            return;
        }
        let (name, count) = (workload.name(), counted(size));
        let (object, field, message) = match workload.autoscaler {
            None => {
                let message = format!("{name} has {count}; {wanted}");
                (workload.object, "/spec/replicas", message)
            }
            Some(autoscaler) => {
                let (direction, field) = match rule {
                    "minimum" => ("down", "/spec/minReplicas"),
                    _ => ("up", "/spec/maxReplicas"),
                };
                let message = format!(
                    "HorizontalPodAutoscaler {} may bring {name} {direction} to {count}; {wanted}",
                    autoscaler.name()
                );
                (autoscaler, field, message)
            }
        };
        let finding = self.tell(Severity::Error, rule, message, object, field);
        propose(finding, Some(instead));
    }

    fn budget(
        &mut self,
        workload: &Workload<'_>,
        workloads: &[Workload<'_>],
        budgets: &[Budget<'_>],
    ) {
        if !self.settings.budgets || budgets.iter().any(|it| it.selects(workload)) {
            return;
        }
        let idle = budgets.iter().filter(|it| {
            it.object.namespace() == workload.object.namespace()
                && !workloads.iter().any(|workload| it.selects(workload))
        });
        let idle: Vec<&str> = idle.map(|it| it.object.name()).collect();
        let hint = match idle[..] {
            [] => String::new(),
            [only] => format!("; {only} selects nothing of this kit, is it meant?"),
            ref several => format!(
                "; {} select nothing of this kit, is one of them meant?",
                several.join(", ")
            ),
        };
        let message = format!(
            "{} has {}, and no PodDisruptionBudget of the kit selects its Pods: they may be evicted all at once{hint}",
            workload.name(),
            counted(workload.least)
        );
        let field = "/spec/replicas";
        self.tell(Severity::Error, "budget", message, workload.object, field);
    }

    /// The eviction API gives up where several budgets select a Pod.
    fn once(&mut self, workload: &Workload<'_>, budgets: &[Budget<'_>]) {
        let mut selecting = budgets.iter().filter(|it| it.selects(workload));
        let Some(first) = selecting.next() else {
            return;
        };
        for second in selecting {
            let message = format!(
                "the Pods of {} are selected by the PodDisruptionBudgets {} and {}: none of them can be evicted; select them once",
                workload.name(),
                first.object.name(),
                second.object.name()
            );
            let field = "/spec/selector";
            self.tell(
                Severity::Error,
                "budget-twice",
                message,
                second.object,
                field,
            );
        }
    }

    fn blocks(&mut self, budget: &Budget<'_>, workloads: &[Workload<'_>]) {
        let selected: Vec<&Workload<'_>> =
            workloads.iter().filter(|it| budget.selects(it)).collect();
        let sum = |size: fn(&Workload<'_>) -> u64| {
            let sizes = selected.iter().map(|it| size(it));
            sizes.fold(0, u64::saturating_add)
        };
        let (least, most) = (sum(|it| it.least), sum(|it| it.most));
        let (severity, size, block) = match (most, budget.blocks(Some(most))) {
            // The Pods are another kit's, or switched off: their number is not known.
            (0, _) => (Severity::Error, None, budget.blocks(None)),
            (_, Some(block)) => (Severity::Error, Some(most), Some(block)),
            _ => (Severity::Warning, Some(least), budget.blocks(Some(least))),
        };
        let Some(block) = block else { return };
        let names: Vec<String> = selected.iter().map(|it| it.name()).collect();
        let (name, names) = (budget.object.name(), names.join(" and "));
        let limit = format!("{} is {}", block.field, block.written);
        let what = match (severity, size) {
            (_, None) => format!("never lets a Pod go: {limit}"),
            (Severity::Error, Some(size)) => {
                let there = if size == 1 { "there is" } else { "there are" };
                format!("never lets a Pod of {names} go: {there} {size}, and {limit}")
            }
            (_, Some(size)) => format!(
                "lets no Pod of {names} go at {size}, the fewest that the autoscaler allows: {limit}"
            ),
        };
        let more = match (block.proposed, size) {
            (None, Some(1)) => "; have more replicas, or write maxUnavailable: 1 in its place",
            _ => "",
        };
        let message = format!(
            "PodDisruptionBudget {name} {what}; a node that has one cannot be drained{more}"
        );
        let field = format!("/spec/{}", block.field);
        let finding = self.tell(severity, "budget-blocks", message, budget.object, &field);
        propose(finding, block.proposed);
    }

    fn unhealthy(&mut self, budget: &Budget<'_>) {
        let field = "/spec/unhealthyPodEvictionPolicy";
        if !self.settings.evict_unhealthy || budget.object.at(field) == "AlwaysAllow" {
            return;
        }
        let message = format!(
            "PodDisruptionBudget {} keeps Pods that are not healthy: a node with broken ones cannot be drained",
            budget.object.name()
        );
        let finding = self.tell(
            Severity::Error,
            "budget-unhealthy",
            message,
            budget.object,
            field,
        );
        propose(finding, Some("AlwaysAllow"));
    }

    fn spread(&mut self, workload: &Workload<'_>) {
        let settings = self.settings;
        if !settings.spread {
            return;
        }
        let why = match spread::spread(workload, &settings.topology_keys) {
            Spread::Apart => return,
            Spread::Nothing => "has no topologySpreadConstraints and no podAntiAffinity",
            Spread::OfOthers => {
                "has topologySpreadConstraints or podAntiAffinity, but none that selects its own Pods by a topologyKey that counts"
            }
        };
        let message = format!(
            "{} {why}: its {} may all be in one place",
            workload.name(),
            pods(workload.least)
        );
        let instead = spread::proposed(workload, &settings.topology_keys);
        let field = format!("{}/topologySpreadConstraints", workload.pods.pointer);
        let object = workload.object;
        let finding = self.tell(Severity::Warning, "spread", message, object, &field);
        propose(finding, instead);
    }
}

fn propose(finding: Option<Finished<'_>>, instead: Option<impl Display>) {
    if let (Some(finding), Some(instead)) = (finding, instead) {
        finding.propose(instead);
    }
}

fn counted(replicas: u64) -> String {
    match replicas {
        1 => "1 replica".into(),
        _ => format!("{replicas} replicas"),
    }
}

fn pods(count: u64) -> String {
    match count {
        1 => "1 Pod".into(),
        _ => format!("{count} Pods"),
    }
}

fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

trimtab_plugin::export_validator!(Replicas);

#[cfg(test)]
mod tests;
