// Readings as people look at them: a large number with its unit and, where there is a scale, a bar.
import { counting, lasting, say } from "../words/say";
import { numeric, parts, title } from "../words/variable";

interface Props {
  name: string;
  value: string | undefined;
  bar?: "full-is-good" | "full-is-bad";
}

/** Below and above which a bar is drawn in the colour of warning. */
const CHARGE_LOW = 30;
const LOAD_HIGH = 80;

export function Fact({ name, value, bar }: Props) {
  const read = numeric(value);
  const { text, unit } = name === "battery.runtime" && read !== null ? runtime(read) : parts(name, value);
  const percent = read === null ? 0 : Math.min(100, Math.max(0, read));
  const warns = bar === "full-is-good" ? percent < CHARGE_LOW : percent > LOAD_HIGH;
  return (
    <div class="fact">
      <dt>{title(name)}</dt>
      <dd>
        <span class="number">{text}</span>
        {unit !== "" && <span class="unit"> {unit}</span>}
        {bar !== undefined && (
          <svg class={warns ? "bar warns" : "bar"} viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
            <rect class="track" width="100" height="4" rx="2" />
            <rect class="fill" width={percent} height="4" rx="2" />
          </svg>
        )}
      </dd>
    </div>
  );
}

const HOUR_S = 3600;
const DAYS_S = 48 * HOUR_S;

function runtime(seconds: number): { text: string; unit: string } {
  if (seconds < HOUR_S) return { text: counting(seconds), unit: "min" };
  if (seconds >= DAYS_S) return { text: lasting(seconds), unit: "" };
  // Hours and minutes: the seconds are no news at such lengths.
  return { text: counting(seconds).replace(/:\d\d$/, ""), unit: "h" };
}

export function Quiet({ name, value }: { name: string; value: string }) {
  return (
    <div class="quiet-fact">
      <dt>{name}</dt>
      <dd>{value === "" ? say("page.loading") : value}</dd>
    </div>
  );
}
