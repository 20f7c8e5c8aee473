// Every page but the overview: its place, its name, and who may see it.
import type { JSX } from "preact";
import type { Right } from "../state/rights";
import type { Key } from "../words/say";
import { AuditPage } from "./audit";
import { EventsPage } from "./events";
import { HealthPage } from "./health";
import { PluginsPage } from "./plugins";
import { PreferencesPage } from "./preferences";
import { ScriptsPage } from "./scripts";
import { UpsPage } from "./ups";
import { UsersPage } from "./users";

interface Page {
  path: string;
  title: Key;
  right: Right;
  inMenu: boolean;
  /** `rest` is what follows in the address. */
  show: (rest: string[]) => JSX.Element;
}

export const PAGES: Page[] = [
  { path: "ups", title: "nav.overview", right: "read", inMenu: false, show: (rest) => <UpsPage name={rest[0] ?? ""} tab={rest[1] ?? "now"} /> },
  { path: "events", title: "nav.events", right: "read", inMenu: true, show: () => <EventsPage /> },
  { path: "plugins", title: "nav.plugins", right: "read", inMenu: true, show: (rest) => <PluginsPage id={rest[0] ?? null} /> },
  { path: "scripts", title: "nav.scripts", right: "read", inMenu: true, show: (rest) => <ScriptsPage name={rest[0] ?? null} /> },
  { path: "users", title: "nav.users", right: "administer", inMenu: true, show: () => <UsersPage /> },
  { path: "audit", title: "nav.audit", right: "administer", inMenu: true, show: () => <AuditPage /> },
  { path: "health", title: "nav.health", right: "read", inMenu: true, show: () => <HealthPage /> },
  { path: "preferences", title: "nav.prefs", right: "read", inMenu: true, show: () => <PreferencesPage /> },
];
