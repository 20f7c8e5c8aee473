// Events, newest first. All text comes from elsewhere and is shown as text.
import type { Happening } from "../api/types";
import { moment, say } from "../words/say";
import { happened } from "../words/happening";
import { Badge } from "./basics";

const GRADES = { info: "plain", warning: "watch", critical: "bad" } as const;

export function EventList({ events }: { events: Happening[] }) {
  if (events.length === 0) return <p class="quiet">{say("events.none")}</p>;
  return (
    <ul class="events">
      {events.map((event) => (
        <li key={event.id}>
          <Badge grade={GRADES[event.severity]}>{say(`severity.${event.severity}`)}</Badge>
          <div>
            <strong>{event.ups !== null && `${event.ups}: `}{happened(event)}</strong>
            <p class="quiet"><time dateTime={event.at}>{moment(event.at)}</time> · {event.kind}</p>
            <Fields fields={event.fields} />
          </div>
        </li>
      ))}
    </ul>
  );
}

function Fields({ fields }: { fields: Record<string, string> }) {
  const all = Object.entries(fields);
  if (all.length === 0) return null;
  return <p class="fields">{all.map(([name, value]) => <span key={name}>{name}: {value}</span>)}</p>;
}
