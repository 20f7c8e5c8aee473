// Where we are: `#/ups/main/settings` becomes ["ups", "main", "settings"]. The host sends one page only, so the part behind
// `#` names what is shown, and links stay good when somebody keeps them.
import { store } from "./store";

function read(): string[] {
  const parts = window.location.hash.replace(/^#\/?/, "").split("/").filter((part) => part !== "");
  return parts.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

export const route = store<string[]>(read());

window.addEventListener("hashchange", () => {
  route.set(read());
  window.scrollTo(0, 0);
});

export function to(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}
