// What variables mean to people: units, digits and names. The names are NUT's.
import { taste } from "../state/taste";
import { lasting, number, say, type Key } from "./say";

interface Kind {
  unit: string;
  digits: number;
}

const KINDS: [RegExp, Kind][] = [
  [/\.temperature$/, { unit: "°C", digits: 1 }],
  [/^battery\.charge(\.low|\.restart)?$|^ups\.load$|\.humidity$/, { unit: "%", digits: 0 }],
  [/frequency(\.nominal)?$/, { unit: "Hz", digits: 1 }],
  [/^battery\.voltage/, { unit: "V", digits: 1 }],
  [/voltage|transfer\.(low|high)$/, { unit: "V", digits: 0 }],
  [/current(\.nominal)?$/, { unit: "A", digits: 1 }],
  [/realpower(\.nominal)?$/, { unit: "W", digits: 0 }],
  [/\.power(\.nominal)?$/, { unit: "VA", digits: 0 }],
  [/energy$/, { unit: "kWh", digits: 2 }],
];

const SECONDS = /runtime(\.low)?$|\.delay\.|ups\.outage\.(total|longest|last\.duration)$|test\.interval$/;

/** The number in a value, if it is one. */
export function numeric(value: string | undefined): number | null {
  if (value === undefined || !/^[-+]?\d+(\.\d+)?$/.test(value.trim())) return null;
  return Number(value);
}

export function unit(name: string): string {
  const kind = KINDS.find(([pattern]) => pattern.test(name))?.[1];
  if (kind?.unit === "°C") return taste.get().fahrenheit ? "°F" : "°C";
  return kind?.unit ?? (SECONDS.test(name) ? "s" : "");
}

/** A number of this variable in the reader's unit. */
export function converted(name: string, value: number): number {
  return unit(name) === "°F" ? value * 1.8 + 32 : value;
}

/** Number and unit apart, so that the number can be large. */
export function parts(name: string, value: string | undefined): { text: string; unit: string } {
  const read = numeric(value);
  if (value === undefined) return { text: "–", unit: "" };
  const kind = KINDS.find(([pattern]) => pattern.test(name))?.[1];
  if (read === null || kind === undefined) return { text: value, unit: "" };
  return { text: number(converted(name, read), kind.digits), unit: unit(name) };
}

/** In one line, durations as such. */
export function shown(name: string, value: string | undefined): string {
  const read = numeric(value);
  if (read !== null && SECONDS.test(name)) return lasting(read);
  const { text, unit: of } = parts(name, value);
  return of === "" ? text : `${text} ${of}`;
}

const NAMES: Record<string, Key> = {
  "battery.charge": "fact.charge", "battery.runtime": "fact.runtime", "ups.load": "fact.load", "input.voltage": "fact.input",
  "output.voltage": "fact.output", "ups.temperature": "fact.temperature", "battery.voltage": "fact.batteryVoltage",
  "input.frequency": "fact.frequency", "ups.realpower": "fact.power", "ups.power": "fact.power", "ups.energy": "fact.energy",
};

export function title(name: string): string {
  const key = NAMES[name];
  return key === undefined ? name : say(key);
}
