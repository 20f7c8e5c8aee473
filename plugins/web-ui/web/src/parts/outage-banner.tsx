// What matters in the dark: which UPS runs on battery, how long it lasts, and what will happen when.
import { clock, upses, type Seen } from "../state/live";
import { to } from "../state/route";
import { useStore } from "../state/store";
import { isLive } from "../words/condition";
import { outage } from "../words/outage";
import { counting, lasting, say, timeOfDay } from "../words/say";
import { shown } from "../words/variable";

export function OutageBanners() {
  const all = useStore(upses) ?? [];
  const now = useStore(clock);
  const affected = all.filter((ups) => outage(ups, now) !== null);
  return (
    <div class="outages" role="alert">
      {affected.map((ups) => <OutageBanner key={ups.name} ups={ups} now={now} />)}
    </div>
  );
}

function OutageBanner({ ups, now }: { ups: Seen; now: number }) {
  const is = outage(ups, now);
  if (is === null) return null;
  const title = say(is.forced ? "outage.forced" : is.low ? "outage.low" : "outage.title", { ups: ups.name });
  const classes = `outage ${is.forced || is.low ? "bad" : "watch"}${isLive(ups) ? "" : " aged"}`;
  return (
    <section class={classes} aria-label={title}>
      <h2><a href={to("ups", ups.name)}>{title}</a></h2>
      {is.left === null ? <p>{is.forced ? "" : say("outage.unknown")}</p> : (
        // Read once with the rest; a screen reader that says every second would say nothing else.
        <p class="left" role="timer" aria-live="off">
          <strong>{counting(is.left)}</strong> <span>{say("outage.left")}</span>
        </p>
      )}
      <p class="then">{is.then}</p>
      <p class="facts" aria-live="off">
        <span>{say("fact.charge")} {shown("battery.charge", ups.variables["battery.charge"])}</span>
        <span>{say("outage.load", { load: shown("ups.load", ups.variables["ups.load"]) })}</span>
        {is.since !== null && is.lasted !== null && (
          <span>{say("outage.since", { time: timeOfDay(is.since), lasted: lasting(is.lasted) })}</span>
        )}
      </p>
    </section>
  );
}
