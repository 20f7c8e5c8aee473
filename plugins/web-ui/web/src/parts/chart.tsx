// One recorded variable as a chart: the average as a line in the band between lowest and highest, outages shaded.
// A text says the same for whoever can't see it.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Point } from "../api/types";
import { instant, say } from "../words/say";
import { converted, shown, title, unit } from "../words/variable";

/** In milliseconds since 1970. */
export interface Span {
  from: number;
  to: number;
}

interface Props {
  name: string;
  points: Point[];
  span: Span;
  shaded: Span[];
  zoom: (span: Span) => void;
}

const HEIGHT = 180;
const AXIS_WIDTH = 56;
/** A drag shorter than this is a click. */
const SHORTEST_DRAG = 8;

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function Chart({ name, points, span, shaded, zoom }: Props) {
  const room = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = room.current;
    if (element === null) return undefined;
    const plot = new uPlot(options(name, span, shaded, element.clientWidth, zoom), columns(name, points), element);
    const watcher = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      plot.destroy();
    };
  }, [name, points, span.from, span.to, shaded, zoom]);
  const all = points.reduce((sum, point) => sum + point.avg, 0) / points.length;
  const summary = say("chart.summary", {
    what: title(name),
    min: shown(name, String(Math.min(...points.map((point) => point.min)))),
    avg: shown(name, all.toFixed(2)),
    max: shown(name, String(Math.max(...points.map((point) => point.max)))),
  });
  return (
    <>
      <div class="chart" ref={room} role="img" aria-label={summary} />
      <p class="quiet">{summary}</p>
    </>
  );
}

function columns(name: string, points: Point[]): uPlot.AlignedData {
  const of = (pick: (point: Point) => number): number[] => points.map((point) => converted(name, pick(point)));
  return [points.map((point) => Date.parse(point.at) / 1000), of((p) => p.avg), of((p) => p.min), of((p) => p.max)];
}

function options(name: string, span: Span, shaded: Span[], width: number, zoom: (span: Span) => void): uPlot.Options {
  const [line, band, quiet, grid, outage] = ["--accent", "--band", "--quiet", "--edge", "--outage"].map(color);
  const axis = { stroke: quiet ?? "", grid: { stroke: grid ?? "", width: 1 }, ticks: { show: false } };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: true, y: false, setScale: false, dist: SHORTEST_DRAG }, points: { show: false } },
    scales: { x: { time: true, range: [span.from / 1000, span.to / 1000] } },
    axes: [
      { ...axis, values: (_, all) => all.map((at) => instant(at * 1000, span.to - span.from)) },
      { ...axis, size: AXIS_WIDTH, values: (_, all) => all.map((value) => tick(name, value)) },
    ],
    series: [
      {},
      { stroke: line ?? "", width: 2, points: { show: false } },
      { stroke: "transparent", points: { show: false } },
      { stroke: "transparent", points: { show: false } },
    ],
    bands: [{ series: [3, 2], fill: band ?? "" }],
    hooks: {
      drawClear: [(plot) => shade(plot, shaded, outage ?? "")],
      setSelect: [(plot) => {
        if (plot.select.width < SHORTEST_DRAG) return;
        const at = (x: number): number => plot.posToVal(x, "x") * 1000;
        zoom({ from: at(plot.select.left), to: at(plot.select.left + plot.select.width) });
      }],
    },
  };
}

function tick(name: string, value: number): string {
  return unit(name) === "s" ? shown(name, String(value)) : `${value} ${unit(name)}`;
}

function shade(plot: uPlot, spans: Span[], fill: string): void {
  const { left, top, width, height } = plot.bbox;
  plot.ctx.save();
  plot.ctx.fillStyle = fill;
  for (const span of spans) {
    const from = Math.max(left, plot.valToPos(span.from / 1000, "x", true));
    const to = Math.min(left + width, plot.valToPos(span.to / 1000, "x", true));
    // A short outage in a long range is a pixel wide at least.
    if (to >= from) plot.ctx.fillRect(from, top, Math.max(1, to - from), height);
  }
  plot.ctx.restore();
}
