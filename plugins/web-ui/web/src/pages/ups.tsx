// One UPS. Its parts are pages of their own, so that links to them stay good.
import { useEffect } from "preact/hooks";
import { clock, upses, type Seen } from "../state/live";
import { Badge, Card } from "../parts/basics";
import { Fact } from "../parts/facts";
import { useMay } from "../state/rights";
import { to } from "../state/route";
import { useStore } from "../state/store";
import { ageOf, condition, isLive } from "../words/condition";
import { lasting, say, type Key } from "../words/say";
import { Missing } from "./missing";
import { UpsBattery } from "./ups-battery";
import { UpsCharts } from "./ups-charts";
import { UpsControl } from "./ups-control";
import { UpsSettings } from "./ups-settings";
import { UpsVariables } from "./ups-variables";

const TABS = ["now", "charts", "battery", "control", "settings", "variables"] as const;
type Tab = (typeof TABS)[number];
/** These change something. */
const FOR_OPERATORS: readonly Tab[] = ["control", "settings"];

export function UpsPage({ name, tab }: { name: string; tab: string }) {
  const all = useStore(upses);
  const now = useStore(clock);
  const operator = useMay("control");
  const known = all?.some((one) => one.name === name);
  useEffect(() => {
    // On a phone there are more tabs than fit.
    document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [tab, known]);
  if (all === null) return <p class="quiet" role="status">{say("link.connecting")}</p>;
  const ups = all.find((one) => one.name === name);
  if (ups === undefined) return <Missing text={say("ups.unknown")} />;
  const tabs = TABS.filter((one) => operator || !FOR_OPERATORS.includes(one));
  const shown = tabs.find((one) => one === tab);
  const is = condition(ups, now);
  return (
    <div class={isLive(ups) ? "one-ups" : "one-ups aged"}>
      <h1>{ups.name}</h1>
      <p class="quiet">{[ups.description, ups.variables["ups.model"]].filter((text) => text).join(" · ")}</p>
      <p class={`state ${is.grade}`}>{is.words}</p>
      <p class="also">{is.also.map((text) => <Badge key={text} grade="watch">{text}</Badge>)}</p>
      {!isLive(ups) && <p class="quiet">{say("stale.note", { age: lasting(ageOf(ups, now) ?? 0) })}</p>}
      <nav class="tabs" aria-label={say("tab.label")}>
        {tabs.map((one) => (
          <a key={one} href={one === "now" ? to("ups", name) : to("ups", name, one)} {...(one === shown ? { "aria-current": "page" as const } : {})}>
            {say(`tab.${one}` as Key)}
          </a>
        ))}
      </nav>
      {shown === undefined ? <p>{say("page.denied")}</p> : <Part tab={shown} ups={ups} now={now} />}
    </div>
  );
}

function Part({ tab, ups, now }: { tab: Tab; ups: Seen; now: number }) {
  switch (tab) {
    case "now": return <Now ups={ups} now={now} />;
    case "charts": return <UpsCharts ups={ups.name} />;
    case "battery": return <UpsBattery ups={ups} />;
    case "control": return <UpsControl ups={ups} />;
    case "settings": return <UpsSettings ups={ups.name} />;
    case "variables": return <UpsVariables ups={ups} now={now} />;
  }
}

const LARGE = ["battery.runtime", "battery.charge", "ups.load"];
const MORE = [
  "input.voltage", "output.voltage", "battery.voltage", "ups.temperature", "input.frequency", "ups.realpower", "ups.power", "ups.energy",
];

function Now({ ups, now }: { ups: Seen; now: number }) {
  const there = MORE.filter((name) => ups.variables[name] !== undefined);
  const age = ageOf(ups, now);
  return (
    <Card>
      <dl class="facts-large">
        {LARGE.map((name) => (
          <Fact key={name} name={name} value={ups.variables[name]}
            {...(name === "battery.charge" ? { bar: "full-is-good" as const } : name === "ups.load" ? { bar: "full-is-bad" as const } : {})} />
        ))}
      </dl>
      <dl class="facts-small">{there.map((name) => <Fact key={name} name={name} value={ups.variables[name]} />)}</dl>
      <p class="quiet">
        {say("fact.transfer")}: {ups.variables["input.transfer.reason"] ?? "–"}
        {age !== null && ` · ${say("ups.updated", { age: lasting(age) })}`}
      </p>
    </Card>
  );
}
