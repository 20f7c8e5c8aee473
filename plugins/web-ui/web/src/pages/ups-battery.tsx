// The battery: its age, its self tests, and what it had to carry.
import { useState } from "preact/hooks";
import { api, words } from "../api/client";
import { Await, Badge, Card, useAsked } from "../parts/basics";
import { Dialog } from "../parts/dialog";
import { EventList } from "../parts/event-list";
import { Quiet } from "../parts/facts";
import { tell } from "../parts/toast";
import type { Seen } from "../state/live";
import { useMay } from "../state/rights";
import { tokens, type Grade } from "../words/condition";
import { number, say, type Key } from "../words/say";
import { numeric, shown } from "../words/variable";
import { outcome, pressKey } from "./ups-control";

const DAYS_A_YEAR = 365.25;
/** Lead-acid batteries are made for three to five years. */
const OLD_DAYS = 4 * DAYS_A_YEAR;
const TEST = ["test.battery.start.quick", "test.battery.start"];
const KINDS = ["ups.test-passed", "ups.test-failed", "ups.test-ended"];

function health(ups: Seen): { grade: Grade; words: Key } {
  const bad = numeric(ups.variables["battery.packs.bad"]) ?? 0;
  if (tokens(ups).has("RB") || bad > 0) return { grade: "bad", words: "battery.bad2" };
  const age = numeric(ups.variables["battery.age"]);
  return age !== null && age > OLD_DAYS ? { grade: "watch", words: "battery.watch" } : { grade: "good", words: "battery.good" };
}

export function UpsBattery({ ups }: { ups: Seen }) {
  const of = (name: string): string => shown(name, ups.variables[name]);
  const [asking, setAsking] = useState<string | null>(null);
  const operator = useMay("control");
  const tests = useAsked(async () => {
    const all = await Promise.all(KINDS.map((kind) => api.events({ ups: ups.name, kind, limit: 20 })));
    return all.flat().sort((a, b) => b.id - a.id);
  }, ups.name);
  const is = health(ups);
  const age = numeric(ups.variables["battery.age"]);
  const test = TEST.find((name) => ups.commands.includes(name));
  return (
    <>
      <Card title={say("battery.health")}>
        <p><Badge grade={is.grade}>{say(is.words)}</Badge></p>
        <dl class="quiet-facts">
          <Quiet name={say("fact.charge")} value={of("battery.charge")} />
          <Quiet name={say("fact.runtime")} value={of("battery.runtime")} />
          <Quiet name={say("fact.batteryVoltage")} value={of("battery.voltage")} />
          <Quiet name={say("battery.nominal")} value={of("battery.voltage.nominal")} />
          <Quiet name={say("battery.charger")} value={of("battery.charger.status")} />
          <Quiet name={say("battery.date")} value={of("battery.date")} />
          <Quiet name={say("battery.age")} value={age === null ? "–" : say("battery.years", { n: number(age / DAYS_A_YEAR, 1) })} />
          <Quiet name={say("battery.limit")} value={of("battery.runtime.low")} />
          <Quiet name={say("battery.lastTest")} value={of("ups.test.result")} />
          <Quiet name={say("battery.testDate")} value={of("ups.test.date")} />
        </dl>
        {operator && test !== undefined && (
          <button type="button" class="main" onClick={() => setAsking(pressKey())}>{say("battery.test")}</button>
        )}
      </Card>
      <Card title={say("battery.outages")}>
        <dl class="quiet-facts">
          <Quiet name={say("battery.outages")} value={of("ups.outage.count")} />
          <Quiet name={say("battery.outTotal")} value={of("ups.outage.total")} />
          <Quiet name={say("battery.outLongest")} value={of("ups.outage.longest")} />
          <Quiet name={say("battery.lastOutage")} value={of("ups.outage.last.start")} />
          <Quiet name={say("battery.reason")} value={of("ups.outage.last.reason")} />
        </dl>
      </Card>
      <Card title={say("battery.tests")}>
        <Await loaded={tests}>
          {(all) => all.length === 0 ? <p class="quiet">{say("battery.noTests")}</p> : <EventList events={all} />}
        </Await>
      </Card>
      {asking !== null && test !== undefined && (
        <Dialog title={say("control.ask", { command: say("battery.test"), ups: ups.name })} action={say("control.confirm")}
          close={() => setAsking(null)}
          run={() => api.command(ups.name, test, asking).then((result) => tell(outcome(result)), (error: unknown) => {
            tell(words(error), false);
            throw error;
          })} />
      )}
    </>
  );
}
