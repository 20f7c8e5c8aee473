// Events as files.
import type { Happening } from "../api/types";

const COLUMNS = ["id", "at", "ups", "severity", "kind", "fields"];

/** RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe: what is in it came from elsewhere. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csv(events: Happening[]): string {
  const rows = events.map((event) => [
    String(event.id), event.at, event.ups ?? "", event.severity, event.kind,
    Object.entries(event.fields).map(([name, value]) => `${name}=${value}`).join("; "),
  ]);
  return [COLUMNS, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

export function download(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
