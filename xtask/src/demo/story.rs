//! The story of the design: two companies, and commits that turn a platform, or may not.

use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::stage::Stage;

const VISION: &str = "kits/manufracture/vision";
const ROUGHNESS: &str = "kits/smithereens/roughness";
const FILE: &str = "kits/manufracture/vision/service.yaml";
const MAINTAINER: &str = "Platform Team <team@platform.example>";
const ADMIN: &str = "ManuFracture Admin <admin@manufracture.example>";

pub fn play(stage: &mut Stage) -> Result<()> {
    v5(stage)?;
    v6(stage)?;
    broken_policy(stage)?;
    taken_node_port(stage)?;
    fixed(stage)?;
    back_and_on(stage)?;
    agreed(stage)
}

/// A chapter's check that must hold.
fn holds(stage: &Stage, what: &str, truth: bool) -> Result<()> {
    if !truth {
        bail!("the demo found that this does not hold: {what}");
    }
    stage.say(&format!("✓ {what}"));
    Ok(())
}

fn v5(stage: &mut Stage) -> Result<()> {
    stage.chapter("v5: a platform goes live");
    stage.repository.commit_as(
        MAINTAINER,
        "v5: mesh, services, and the kits of two companies",
    )?;
    stage.say(&stage.repository.git(&["log", "--format=%h %an: %s"])?);
    stage.start_host()?;
    let revision = stage.repository.git(&["rev-parse", "HEAD"])?;
    stage.until("v5 is live", |stage| ready_at(stage, &revision))?;
    stage.say(&stage.trimtab(&["status"])?);
    holds(
        stage,
        "the Service vision of ManuFracture has port 6776",
        port(stage)? == 6776,
    )
}

fn v6(stage: &mut Stage) -> Result<()> {
    stage.chapter("v6: an admin changes a port");
    let before = versions(stage)?;
    stage.repository.edit(FILE, "port: 6776", "port: 5445")?;
    let committed = Instant::now();
    let revision = stage
        .repository
        .commit_as(ADMIN, "v6: vision listens on 5445")?;
    stage.until("port 5445 is live", |stage| {
        Ok((port(stage)? == 5445).then_some(()))
    })?;
    let took = committed.elapsed();
    stage.show_commit()?;
    holds(
        stage,
        &format!(
            "the live Service says 5445, {:.2} s after the commit (the host polls every second)",
            took.as_secs_f64()
        ),
        true,
    )?;
    stage.until("v6 is reported", |stage| applied(stage, VISION, &revision))?;
    holds(
        stage,
        "Smithereens' objects were not touched: the same resourceVersions",
        versions(stage)? == before,
    )
}

fn broken_policy(stage: &mut Stage) -> Result<()> {
    stage.chapter("v7: a port that the policy forbids");
    let before = service(stage)?;
    stage.repository.edit(FILE, "port: 5445", "port: 10445")?;
    stage.repository.commit_as(ADMIN, "v7: vision on 10445")?;
    refused(stage, "port-policy/service-port", 14, "9999")?;
    holds(
        stage,
        "the live Service is as v6 left it",
        service(stage)? == before,
    )
}

fn taken_node_port(stage: &mut Stage) -> Result<()> {
    stage.chapter("v8: a nodePort that Smithereens has");
    let before = service(stage)?;
    stage.repository.edit(FILE, "port: 10445", "port: 5445")?;
    stage
        .repository
        .edit(FILE, "nodePort: 30676", "nodePort: 30800")?;
    stage
        .repository
        .commit_as(ADMIN, "v8: vision on node port 30800")?;
    refused(stage, "unique-node-ports/taken", 16, "30799")?;
    holds(
        stage,
        "the live Service is as v6 left it",
        service(stage)? == before,
    )
}

fn fixed(stage: &mut Stage) -> Result<()> {
    stage.chapter("v9: the proposal is taken");
    stage
        .repository
        .edit(FILE, "nodePort: 30800", "nodePort: 30799")?;
    let revision = stage
        .repository
        .commit_as(ADMIN, "v9: vision on node port 30799")?;
    stage.show_commit()?;
    stage.until("v9 is live", |stage| applied(stage, VISION, &revision))?;
    let node_port = service(stage)?["spec"]["ports"][0]["nodePort"].as_i64();
    holds(
        stage,
        "the live Service has nodePort 30799",
        node_port == Some(30799),
    )
}

fn back_and_on(stage: &mut Stage) -> Result<()> {
    stage.chapter("Back by one command, and on again");
    let newest = stage.repository.git(&["rev-parse", "HEAD"])?;
    let back = [
        "rollback",
        VISION,
        "--yes",
        "--reason",
        "vision loses frames",
    ];
    stage.say(&stage.trimtab(&back)?);
    let kit = stage.kit(VISION)?.unwrap_or_default();
    let subject = kit["status"]["applied"]["subject"].as_str();
    let held = ready_condition(&kit)["reason"] == "Held";
    holds(
        stage,
        "vision is as v6 had it, and says why",
        held && subject.is_some_and(|it| it.starts_with("v6")),
    )?;
    stage.say(&stage.trimtab(&["resume", VISION])?);
    stage.until("v9 is live again", |stage| applied(stage, VISION, &newest))?;
    let told = stage.until("all of it is recorded", |stage| {
        let told = stage.trimtab(&["history", VISION])?;
        Ok(told.contains("resume").then_some(told))
    })?;
    stage.say(&told);
    holds(
        stage,
        "the history tells of the rollback",
        told.contains("rollback"),
    )
}

fn agreed(stage: &mut Stage) -> Result<()> {
    stage.chapter("Status and the cluster agree");
    let revision = stage.repository.git(&["rev-parse", "HEAD"])?;
    stage.until("all is ready", |stage| ready_at(stage, &revision))?;
    stage.say(&stage.trimtab(&["status"])?);
    stage.say(
        &stage
            .kubectl
            .run(&["get", "services", "--all-namespaces"])?,
    );
    holds(
        stage,
        "port 5445 is live, as Git has it",
        port(stage)? == 5445,
    )?;
    let text = stage.trimtab(&["status", "--output", "json"])?;
    let status: Value = serde_json::from_str(&text).context("status is JSON")?;
    let kits = status["kits"].as_array().cloned().unwrap_or_default();
    let ready = kits
        .iter()
        .all(|kit| ready_condition(kit)["status"] == "True");
    holds(stage, "every kit is ready", ready && kits.len() == 5)
}

/// Waits until vision is refused at the newest revision, and shows what the admin reads.
fn refused(stage: &mut Stage, rule: &str, line: u64, proposal: &str) -> Result<()> {
    let revision = stage.repository.git(&["rev-parse", "HEAD"])?;
    stage.show_commit()?;
    let kit = stage.until("the revision is refused", |stage| {
        let kit = stage.kit(VISION)?.unwrap_or_default();
        let refused = ready_condition(&kit)["reason"] == "Refused";
        Ok((refused && kit["status"]["attempted"]["revision"] == revision.as_str()).then_some(kit))
    })?;
    let findings = kit["status"]["findings"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let told = findings
        .iter()
        .find(|finding| finding["rule"] == rule)
        .context("the rule's finding is in the status")?;
    ensure!(
        told["origin"]["path"] == FILE && told["origin"]["line"] == line,
        "the finding is at {}",
        told["origin"]
    );
    ensure!(
        told["proposed"] == proposal,
        "the proposal is {}",
        told["proposed"]
    );
    stage.say(&stage.trimtab(&["check", VISION])?);
    holds(
        stage,
        &format!("refused by {rule} at {FILE}:{line}, with the proposal {proposal}"),
        true,
    )
}

fn ready_condition(object: &Value) -> &Value {
    static NOTHING: Value = Value::Null;
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Ready")
        .unwrap_or(&NOTHING)
}

fn ready_at(stage: &Stage, revision: &str) -> Result<Option<()>> {
    let repository = stage.kubectl.get(&[
        "repositories.trimtab.io",
        "platform",
        "--namespace",
        super::stage::SYSTEM,
    ]);
    // The CRD may not be there yet.
    let Ok(Some(repository)) = repository else {
        return Ok(None);
    };
    let at = repository["status"]["revision"]["revision"] == revision;
    Ok((at && ready_condition(&repository)["status"] == "True").then_some(()))
}

fn applied(stage: &Stage, kit: &str, revision: &str) -> Result<Option<()>> {
    let kit = stage.kit(kit)?.unwrap_or_default();
    Ok((kit["status"]["applied"]["revision"] == revision).then_some(()))
}

fn service(stage: &Stage) -> Result<Value> {
    stage
        .kubectl
        .get(&["service", "vision", "--namespace", "manufracture"])?
        .context("the Service vision is live")
}

fn port(stage: &Stage) -> Result<i64> {
    Ok(service(stage)?["spec"]["ports"][0]["port"]
        .as_i64()
        .unwrap_or_default())
}

/// Names and resourceVersions of what Smithereens' kit owns, the Kit itself included. Not the
/// Deployment's status, which its controller writes.
fn versions(stage: &Stage) -> Result<Vec<String>> {
    let list = stage
        .kubectl
        .get(&[
            "services,configmaps,deployments",
            "--namespace",
            "smithereens",
        ])?
        .unwrap_or_default();
    let kit = stage.kit(ROUGHNESS)?.unwrap_or_default();
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let of = |item: &Value| {
        let version = if item["kind"] == "Deployment" {
            &item["metadata"]["generation"]
        } else {
            &item["metadata"]["resourceVersion"]
        };
        format!("{} {} {version}", item["kind"], item["metadata"]["name"])
    };
    Ok(items.iter().chain([&kit]).map(of).collect())
}
