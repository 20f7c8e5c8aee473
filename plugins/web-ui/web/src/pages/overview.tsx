// All UPSes at a glance; one is shown large, many as a grid.
import { useEffect } from "preact/hooks";
import { api } from "../api/client";
import { Badge, Card } from "../parts/basics";
import { EventList } from "../parts/event-list";
import { Fact } from "../parts/facts";
import { clock, recent, remember, upses, type Seen } from "../state/live";
import { to } from "../state/route";
import { useStore } from "../state/store";
import { byNeed, condition, isLive } from "../words/condition";
import { say } from "../words/say";

/** From here on cards are small. */
const MANY = 4;
const SHOWN_EVENTS = 8;

export function Overview() {
  const all = useStore(upses);
  const now = useStore(clock);
  const events = useStore(recent);
  useEffect(() => {
    api.events({ limit: SHOWN_EVENTS }).then(remember, () => undefined);
  }, []);
  if (all === null) return <p class="quiet" role="status">{say("link.connecting")}</p>;
  const sorted = [...all].sort(byNeed(now));
  const needy = sorted.filter((ups) => condition(ups, now).grade !== "good").length;
  const many = all.length >= MANY;
  return (
    <>
      <h1>{say("nav.overview")}</h1>
      {all.length === 0 && <p class="quiet">{say("overview.none")}</p>}
      {all.length > 1 && (
        <p class="quiet">
          {needy > 0 ? say("overview.attention", { n: needy, all: all.length }) : say("overview.well", { all: all.length })}
        </p>
      )}
      <ul class={many ? "grid many" : "grid"}>
        {sorted.map((ups) => <li key={ups.name}><UpsCard ups={ups} now={now} small={many} /></li>)}
      </ul>
      <Card title={say("overview.recent")}>
        <EventList events={events.slice(0, SHOWN_EVENTS)} />
        <p><a href={to("events")}>{say("overview.all")}</a></p>
      </Card>
    </>
  );
}

function UpsCard({ ups, now, small }: { ups: Seen; now: number; small: boolean }) {
  const is = condition(ups, now);
  const of = (name: string) => ({ name, value: ups.variables[name] });
  return (
    <article class={`card ups ${is.grade}${isLive(ups) ? "" : " aged"}`}>
      <header>
        <h2><a href={to("ups", ups.name)}>{ups.name}</a></h2>
        <p class="quiet">{ups.description ?? ups.variables["ups.model"] ?? ""}</p>
      </header>
      <p class={`state ${is.grade}`}>{is.words}</p>
      <p class="also">{is.also.map((text) => <Badge key={text} grade="watch">{text}</Badge>)}</p>
      <dl class="facts-large">
        <Fact {...of("battery.runtime")} />
        <Fact {...of("battery.charge")} bar="full-is-good" />
        <Fact {...of("ups.load")} bar="full-is-bad" />
      </dl>
      {!small && (
        <dl class="facts-small">
          <Fact {...of("input.voltage")} />
          <Fact {...of("output.voltage")} />
          <Fact {...of("battery.voltage")} />
          <Fact {...of("ups.temperature")} />
        </dl>
      )}
    </article>
  );
}
