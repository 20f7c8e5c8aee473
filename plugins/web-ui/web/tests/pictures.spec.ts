// Pictures of the real pages with the real daemon, for docs/pictures: `npm run pictures`.
import { join } from "node:path";
import { expect, logIn, test, until } from "./daemon";

const FOLDER = join(import.meta.dirname, "../../../../docs/pictures");
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } } as const;
const PAGES = [
  ["overview", "#/"], ["ups", "#/ups/main"], ["control", "#/ups/main/control"], ["settings", "#/ups/main/settings"], ["events", "#/events"],
  ["plugins", "#/plugins"], ["users", "#/users"],
] as const;

test("pictures", async ({ page, daemon }) => {
  test.skip(process.env["PICTURES"] === undefined, "only when somebody wants them");
  test.setTimeout(300_000);
  for (const line of ["line off", "line on"]) {
    await daemon.simulate(line);
    const kind = line === "line off" ? "ups.on-battery" : "ups.on-line";
    await until(kind, async () => (await daemon.ask("GET", `/api/v1/events?kind=${kind}`)).includes("main"));
  }
  await logIn(page, daemon, "administrator");
  const shoot = async (name: string): Promise<void> => {
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: join(FOLDER, `${name}-${size}-${colorScheme}.png`) });
      }
    }
  };
  for (const [name, path] of PAGES) {
    await page.goto(`${daemon.address}/${path}`);
    await page.locator("main h1").waitFor();
    await expect(page.getByText("Loading …")).toHaveCount(0);
    await shoot(name);
  }
  await page.goto(`${daemon.address}/#/`);
  await daemon.simulate("line off");
  await page.getByRole("region", { name: "main runs on battery" }).waitFor();
  await shoot("outage");
});
