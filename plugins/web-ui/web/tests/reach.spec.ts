// Every page judged by axe, light and dark; and nothing wider than a phone.
import AxeBuilder from "@axe-core/playwright";
import { expect, logIn, test } from "./site";

const PAGES = [
  "#/", "#/ups/main", "#/ups/main/charts", "#/ups/main/battery", "#/ups/main/control", "#/ups/main/settings", "#/ups/main/variables",
  "#/events", "#/plugins", "#/plugins/modbus-tcp", "#/scripts", "#/scripts/weekly-test", "#/users", "#/audit", "#/health", "#/preferences", "#/nowhere",
];

for (const scheme of ["light", "dark"] as const) {
  test(`no page keeps anybody out (${scheme}), and none is wider than a phone`, async ({ page, server }) => {
    test.setTimeout(240_000);
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().includes("401")) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(server.address);
    await page.getByLabel("Name").waitFor();
    const judge = async (where: string): Promise<void> => {
      const { violations } = await new AxeBuilder({ page }).analyze();
      for (const one of violations) complaints.push(`${where}: ${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > 390) complaints.push(`${where}: ${width} px wide`);
    };
    await judge("log-in");
    await logIn(page, server.address);
    server.change("main", { "ups.status": "OB", "ups.outage.last.start": new Date().toISOString() });
    for (const path of PAGES) {
      await page.goto(`${server.address}/${path}`);
      await page.locator("main h1").waitFor();
      await expect(page.getByText("Loading …")).toHaveCount(0);
      await judge(path);
    }
    await page.goto(`${server.address}/#/ups/main/control`);
    await page.getByRole("button", { name: "Run: load.off" }).click();
    await judge("dialog");
    expect(complaints).toEqual([]);
  });
}
