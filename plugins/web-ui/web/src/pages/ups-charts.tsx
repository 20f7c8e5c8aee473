// What was recorded, over ranges from an hour to a year.
import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Happening } from "../api/types";
import { Await, Card, useAsked } from "../parts/basics";
import { Chart, type Span } from "../parts/chart";
import { say, type Key } from "../words/say";
import { title } from "../words/variable";

const HOUR_MS = 3_600_000;
const RANGES = { "1h": 1, "6h": 6, "1d": 24, "7d": 168, "30d": 720, "1y": 8766 } as const;
type Range = keyof typeof RANGES;
/** More than a screen has pixels for is never asked for. */
const POINTS = 600;
/** What people look at first; the rest follows by name. */
const FIRST = ["battery.charge", "ups.load", "input.voltage", "battery.runtime", "battery.voltage", "ups.temperature", "output.voltage"];
const OUTAGE_EVENTS = 500;

export function UpsCharts({ ups }: { ups: string }) {
  const [range, setRange] = useState<Range>("1d");
  const series = useAsked(() => api.series(ups), ups);
  return (
    <Card title={say("tab.charts")}>
      <fieldset class="choice">
        <legend>{say("chart.range")}</legend>
        {(Object.keys(RANGES) as Range[]).map((one) => (
          <label key={one}>
            <input type="radio" name="range" checked={one === range} onChange={() => setRange(one)} />
            <span>{say(`chart.${one}` as Key)}</span>
          </label>
        ))}
      </fieldset>
      <p class="quiet">{say("chart.hint")}</p>
      <Await loaded={series}>{(names) => <Charts key={range} ups={ups} range={range} names={names} />}</Await>
    </Card>
  );
}

function Charts({ ups, range, names }: { ups: string; range: Range; names: string[] }) {
  const [to] = useState(() => Date.now());
  const [zoom, setZoom] = useState<Span | null>(null);
  const span = zoom ?? { from: to - RANGES[range] * HOUR_MS, to };
  const iso = (ms: number): string => new Date(ms).toISOString();
  const ends = useAsked(
    async () => outages(await api.events({ ups, from: iso(span.from), to: iso(span.to), limit: OUTAGE_EVENTS }), span),
    `${ups} ${span.from} ${span.to}`,
  );
  const shaded = ends.value ?? [];
  const ordered = [...FIRST.filter((name) => names.includes(name)), ...names.filter((name) => !FIRST.includes(name))];
  return (
    <>
      <p class="quiet zoomed">
        {say("chart.outages", { n: shaded.length })}
        {zoom !== null && <button type="button" onClick={() => setZoom(null)}>{say("chart.reset")}</button>}
      </p>
      {ordered.length === 0 && <p class="quiet">{say("chart.empty")}</p>}
      {ordered.map((name) => <Series key={name} ups={ups} name={name} span={span} shaded={shaded} zoom={setZoom} />)}
    </>
  );
}

interface SeriesProps {
  ups: string;
  name: string;
  span: Span;
  shaded: Span[];
  zoom: (span: Span) => void;
}

function Series({ ups, name, span, shaded, zoom }: SeriesProps) {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const history = useAsked(() => api.history(ups, name, iso(span.from), iso(span.to), POINTS), `${ups} ${name} ${span.from} ${span.to}`);
  return (
    <section class="series">
      <h3>{title(name)}</h3>
      <div class="chart-room">
        <Await loaded={history}>
          {(read) => read.points.length === 0 ? <p class="quiet">{say("chart.empty")}</p> : (
            <Chart name={name} points={read.points} span={span} shaded={shaded} zoom={zoom} />
          )}
        </Await>
      </div>
    </section>
  );
}

/** From the events: when it ran on battery. One that has no end goes on; one without a beginning began before. */
export function outages(events: Happening[], span: Span): Span[] {
  const all: Span[] = [];
  let began: number | null = null;
  for (const event of [...events].sort((a, b) => a.id - b.id)) {
    const at = Date.parse(event.at);
    if (event.kind === "ups.on-battery") began = at;
    if (event.kind !== "ups.on-line") continue;
    const lasted = Number(event.fields["lasted-s"] ?? "") * 1000;
    all.push({ from: began ?? Math.max(span.from, Number.isFinite(lasted) ? at - lasted : span.from), to: at });
    began = null;
  }
  if (began !== null) all.push({ from: began, to: span.to });
  return all;
}
