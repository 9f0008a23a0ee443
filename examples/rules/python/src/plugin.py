"""A rule: every object says by a label which team it belongs to."""

from dataclasses import dataclass

from nearest import nearest
from trimtab_plugin import Context, Exemption, KubernetesObject, Plugin, Report, exempts, setting


@dataclass
class Settings:
    teams: list[str] = setting("The teams that there are.")
    label: str = setting("The label.", default="team")
    exempt: list[Exemption] = setting("What is left alone.", default_factory=list)


plugin = Plugin(
    name="team-label",
    version="0.1.0",
    summary="Every object says by a label which team it belongs to.",
    rules={
        "missing": "an object has the label settings.label",
        "unknown": "the label's value is one of settings.teams",
    },
    settings=Settings,
)


@plugin.validate
def team(context: Context[Settings], objects: list[KubernetesObject], report: Report) -> None:
    settings = context.settings
    escaped = settings.label.replace("~", "~0").replace("/", "~1")
    pointer = f"/metadata/labels/{escaped}"
    teams = ", ".join(settings.teams)
    for it in objects:
        found = it.at(pointer)
        rule = "missing" if found is None else "unknown"
        if found in settings.teams or exempts(settings.exempt, rule, it):
            continue
        about = f"{it.kind} {it.name}"
        if found is None:
            report.error(rule, f"{about} has no label {settings.label}; teams are {teams}", it, pointer)
            continue
        message = f"{about} is of the team {found}; teams are {teams}"
        finding = report.error(rule, message, it, pointer)
        meant = nearest(str(found), settings.teams)
        if meant is not None:
            finding.propose(meant)
