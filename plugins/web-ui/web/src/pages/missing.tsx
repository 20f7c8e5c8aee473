// Where there is nothing to show.
import { to } from "../state/route";
import { say } from "../words/say";

export function Missing({ text }: { text: string }) {
  return (
    <>
      <h1>{text}</h1>
      <p><a href={to()}>{say("nav.overview")}</a></p>
    </>
  );
}
