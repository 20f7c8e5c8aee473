// Lines that a plugin or a script has logged, newest last.
import type { LogLine } from "../api/types";
import { moment, say } from "../words/say";

export function Log({ lines, label }: { lines: LogLine[]; label: string }) {
  if (lines.length === 0) return <p class="quiet">{say("plugins.noLog")}</p>;
  return (
    <div class="log" role="region" aria-label={label} tabIndex={0}>
      {lines.map((line) => (
        <p key={line.number} class={line.level}>
          <time>{moment(line.at_ms)}</time> <b>{line.level}</b> {line.text}
        </p>
      ))}
    </div>
  );
}
