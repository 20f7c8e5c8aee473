// The frame around every page: who is logged in, where we are, whether the stream flows.
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { session, whenLoggedOut } from "./api/client";
import { OutageBanners } from "./parts/outage-banner";
import { Toasts } from "./parts/toast";
import { LogIn } from "./pages/log-in";
import { Overview } from "./pages/overview";
import { Missing } from "./pages/missing";
import { PAGES } from "./pages/table";
import { connected, follow, forget, who } from "./state/live";
import { may } from "./state/rights";
import { route, to } from "./state/route";
import { useStore } from "./state/store";
import { taste } from "./state/taste";
import { say } from "./words/say";
import type { Session } from "./api/types";

export function App() {
  const session_ = useStore(who);
  const { theme, language } = useStore(taste);
  useEffect(() => {
    whenLoggedOut(() => who.set(null));
    session.read().then((begun) => who.set(begun), () => who.set(null));
  }, []);
  useEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dataset["theme"] = theme;
  }, [theme, language]);
  const name = typeof session_ === "object" && session_ !== null ? session_.user : null;
  useEffect(() => {
    if (name === null) {
      forget();
      return undefined;
    }
    follow();
    return forget;
  }, [name]);
  if (session_ === "asking") return <main id="content"><p class="quiet" role="status">{say("link.connecting")}</p></main>;
  if (session_ === null) return <LogIn />;
  return <Frame session={session_} key={language} />;
}

function Frame({ session: me }: { session: Session }) {
  const here = useStore(route);
  const live = useStore(connected);
  const page = here[0] ?? "";
  const entries = PAGES.filter((entry) => entry.inMenu && may(me.role, entry.right));
  const logOut = (): void => {
    session.end().catch(() => undefined).finally(() => who.set(null));
  };
  useEffect(() => {
    // On a phone the menu is wider than the screen.
    document.querySelector(".top [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    document.title = here.length > 1 ? `${here[1] ?? ""} – OpenNMC` : "OpenNMC";
  }, [here]);
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>{say("nav.skip")}</a>
      <header class="top">
        <a class="brand" href={to()}><img src="icon.svg" alt="" width="24" height="24" /> OpenNMC</a>
        <nav aria-label={say("nav.menu")}>
          <a href={to()} {...current(page === "" || page === "ups")}>{say("nav.overview")}</a>
          {entries.map((entry) => (
            <a key={entry.path} href={to(entry.path)} {...current(page === entry.path)}>{say(entry.title)}</a>
          ))}
        </nav>
        <div class="me">
          <span class="quiet">{me.user}</span>
          <button type="button" onClick={logOut}>{say("nav.logout")}</button>
        </div>
      </header>
      <div class="link" role="status">{live === false && <p>{say("link.lost")}</p>}</div>
      <OutageBanners />
      <main id="content" tabIndex={-1}>{shown(page, here.slice(1), me)}</main>
      <Toasts />
    </>
  );
}

function shown(page: string, rest: string[], me: Session): JSX.Element {
  if (page === "") return <Overview />;
  const entry = PAGES.find((one) => one.path === page);
  if (entry === undefined) return <Missing text={say("page.unknown")} />;
  return may(me.role, entry.right) ? entry.show(rest) : <Missing text={say("page.denied")} />;
}

function current(is: boolean): { "aria-current"?: "page" } {
  return is ? { "aria-current": "page" } : {};
}

/** The link must not change the part of the address that names the page. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
