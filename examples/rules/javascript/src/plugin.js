// A rule: every object says by a label which team it belongs to.

import { exempts, plugin, settings } from "trimtab-plugin";

import { nearest } from "./nearest.js";

export default plugin({
  name: "team-label",
  version: "0.1.0",
  summary: "Every object says by a label which team it belongs to.",
  rules: {
    missing: "an object has the label settings.label",
    unknown: "the label's value is one of settings.teams",
  },
  settings: settings.object({
    label: settings.string({ default: "team", description: "The label." }),
    teams: settings.list(settings.string(), { description: "The teams that there are." }),
    exempt: settings.exemptions(),
  }),

  validate(context, objects, report) {
    const { label, teams, exempt } = context.settings;
    const pointer = `/metadata/labels/${label.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    for (const object of objects) {
      const team = object.at(pointer) ?? null;
      const rule = team === null ? "missing" : "unknown";
      if (teams.includes(team) || exempts(exempt, rule, object)) continue;
      const about = `${object.kind} ${object.name}`;
      if (team === null) {
        const message = `${about} has no label ${label}; teams are ${teams.join(", ")}`;
        report.error(rule, message, object, pointer);
      } else {
        const message = `${about} is of the team ${team}; teams are ${teams.join(", ")}`;
        const finding = report.error(rule, message, object, pointer);
        const meant = nearest(String(team), teams);
        if (meant !== undefined) finding.propose(meant);
      }
    }
  },
});
