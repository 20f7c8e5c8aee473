// How somebody likes the pages.
import { Card, Field } from "../parts/basics";
import { who } from "../state/live";
import { useStore } from "../state/store";
import { prefer, taste, type Language, type Theme } from "../state/taste";
import { say } from "../words/say";

export function PreferencesPage() {
  const likes = useStore(taste);
  const me = useStore(who);
  return (
    <>
      <h1>{say("prefs.title")}</h1>
      <Card>
        {typeof me === "object" && me !== null && <p>{say("prefs.you", { name: me.user, role: say(`role.${me.role}`) })}</p>}
        <Field label={say("prefs.theme")}>
          <select value={likes.theme} onChange={(event) => prefer({ theme: event.currentTarget.value as Theme })}>
            <option value="auto">{say("prefs.auto")}</option>
            <option value="light">{say("prefs.light")}</option>
            <option value="dark">{say("prefs.dark")}</option>
          </select>
        </Field>
        <Field label={say("prefs.language")}>
          <select value={likes.language} onChange={(event) => prefer({ language: event.currentTarget.value as Language })}>
            <option value="en" lang="en">English</option>
            <option value="de" lang="de">Deutsch</option>
          </select>
        </Field>
        <Field label={say("prefs.degrees")}>
          <select value={likes.fahrenheit ? "f" : "c"} onChange={(event) => prefer({ fahrenheit: event.currentTarget.value === "f" })}>
            <option value="c">°C</option>
            <option value="f">°F</option>
          </select>
        </Field>
        <p class="quiet">{say("prefs.note")}</p>
      </Card>
    </>
  );
}
