/** The status page in Chromium: who can read it, on what, and how it keeps up. */
import { afterAll, describe, expect } from "bun:test";
import type { Browser, Page } from "playwright-core";
import type { Metrics } from "../../src/metrics/definition.ts";
import { launchBrowser } from "../harness/browser.ts";
import { StatusWorld } from "../harness/status.ts";
import { desktop, findings, type Look, nextLook, overflow, phone, withWorld } from "../harness/status-browser.ts";
import { empty, everyday, failing, fresh, pushesOnly } from "../harness/status-scenes.ts";
import { testWith } from "../harness/tools.ts";

let browser: Promise<Browser> | undefined;
afterAll(async () => (await browser)?.close());
function launched(): Promise<Browser> {
  browser ??= launchBrowser();
  return browser;
}

async function look(world: StatusWorld, options: typeof desktop, visit: (look: Look) => Promise<void>): Promise<void> {
  await withWorld(await launched(), world, options, visit);
}

const heading = (page: Page) => page.getByRole("heading", { level: 1 });
const icon = (page: Page) => page.locator("link[rel=icon]").getAttribute("href");

const endpoint: Metrics = {
  http_endpoint_health: { kind: "gauge", help: "health", labels: { service: "*" } },
};

function small(): StatusWorld {
  const world = new StatusWorld({
    handlers: [
      { name: "endpoint", metrics: endpoint },
      { name: "build", inactive: "it has no token" },
    ],
  });
  see(world, { api: 1, shop: 1 });
  return world;
}

function see(world: StatusWorld, services: Readonly<Record<string, number>>): void {
  world.run("endpoint", { http_endpoint_health: services });
}

const scenes = { fresh, everyday, failing, empty, pushesOnly };

describe("anyone can read it", () => {
  for (const [scene, make] of Object.entries(scenes)) {
    testWith(["chromium"], `${scene}: axe finds nothing, nothing hangs over, nobody else is asked`, async () => {
      await look(await make(), desktop, async ({ page, complaints, requests }) => {
        expect(await findings(page)).toEqual([]);
        for (const width of [320, 360, 639, 640, 1063, 1064, 1255, 1256, 1699, 1700, 3840]) {
          await page.setViewportSize({ width, height: 800 });
          expect({ width, overflow: await overflow(page) }).toEqual({ width, overflow: 0 });
        }
        await page.emulateMedia({ colorScheme: "dark" });
        expect(await findings(page)).toEqual([]);
        await page.setViewportSize({ width: 360, height: 740 });
        expect(await findings(page)).toEqual([]);
        expect(complaints).toEqual([]);
        expect(requests).toEqual(["/status"]);
      });
    });
  }

  testWith(["chromium"], "axe would find something: the control", async () => {
    await look(small(), desktop, async ({ page }) => {
      await page.evaluate('document.querySelector("svg.bar").removeAttribute("aria-label")');
      expect(await findings(page)).toEqual([expect.stringContaining("svg-img-alt")]);
    });
  });

  testWith(["chromium"], "the longest names fit on the narrowest phone", async () => {
    const world = new StatusWorld({
      handlers: [{ name: "endpoint", metrics: endpoint }],
      pushed: { [`${"long_".repeat(40)}seconds`]: { kind: "histogram", help: "w".repeat(300), buckets: [1, 2] } },
    });
    world.run("endpoint", { http_endpoint_health: { ["service-".repeat(30)]: 0, ["i".repeat(300)]: 0.5 } });
    world.run("endpoint", {}, `no-space-in-it-${"x".repeat(300)}`);
    await look(world, { viewport: { width: 320, height: 600 } }, async ({ page }) => {
      expect(await overflow(page)).toBeLessThanOrEqual(0);
    });
  });

  testWith(["chromium"], "a table tells what its picture shows, in words", async () => {
    await look(await failing(), phone, async ({ page }) => {
      const table = page.getByRole("table", { name: "Endpoints" });
      const row = table.getByRole("row", { name: /^server/ });
      expect(await row.getByRole("rowheader").textContent()).toBe("server");
      expect(await row.getByRole("cell").first().textContent()).toBe("Unhealthy");
      expect(await row.getByRole("img").getAttribute("aria-label")).toBe(
        "Last 24 hours: healthy 97.6 % of the time that is known; unhealthy 13:30 to now",
      );
      expect(await table.getByRole("columnheader").allInnerTexts()).toHaveLength(5);
    });
  });

  testWith(["chromium"], "without JavaScript, all of it is there, and a link to look again", async () => {
    const world = small();
    await look(world, { ...desktop, javaScriptEnabled: false }, async ({ page }) => {
      expect(await heading(page).textContent()).toBe("All 2 services healthy");
      expect(await page.getByRole("row").filter({ hasText: "shop" }).count()).toBe(1);
      expect(await page.getByRole("button").count()).toBe(0);
      see(world, { api: 1, shop: 0 });
      await page.getByRole("link", { name: "Reload" }).click();
      await page.getByText("1 of 2 services unhealthy: shop").waitFor();
    });
  });

  testWith(["chromium"], "a keyboard reaches everything that can be used", async () => {
    await look(small(), desktop, async ({ page }) => {
      const reached: (string | null)[] = [];
      for (let step = 0; step < 5; step += 1) {
        await page.keyboard.press("Tab");
        reached.push(await page.locator(":focus").textContent());
      }
      expect(reached).toEqual(["Pause", "1 handler is inactive", "Documentation", "JSON", "Metrics"]);
    });
  });
});

describe("it keeps up", () => {
  testWith(["chromium"], "what changes is changed where it stands: focus, scroll and opened parts stay", async () => {
    const world = small();
    await look(world, { viewport: { width: 900, height: 260 } }, async ({ page, complaints }) => {
      const before = { title: await page.title(), icon: await icon(page) };
      await page.getByText("1 handler is inactive").click();
      await page.evaluate("window.kept = document.querySelector('[data-key*=shop]')");
      await page.evaluate("window.scrollTo(0, 200)");
      const state = () =>
        page.evaluate<unknown>(`({
          focus: document.activeElement.textContent,
          scroll: window.scrollY,
          isOpen: document.querySelector("details").open,
          isKept: window.kept === document.querySelector("[data-key*=shop]"),
        })`);
      const stood = { focus: "1 handler is inactive", scroll: 200, isOpen: true, isKept: true };
      expect(await state()).toEqual(stood);

      see(world, { api: 1, new: 1, shop: 0 });
      await nextLook(page);
      await page.getByText("1 of 3 services unhealthy: shop").waitFor();
      expect(await state()).toEqual(stood);
      expect(await page.getByRole("row", { name: /^new/ }).count()).toBe(1);
      expect(await page.title()).toBe("✗ 1 of 3 services unhealthy: shop · specta testing");
      expect(before.title).toBe("✓ All 2 services healthy · specta testing");
      expect(await icon(page)).not.toBe(before.icon);
      expect(await findings(page)).toEqual([]);

      see(world, { shop: 1 });
      await nextLook(page);
      await page.getByText("1 service healthy").waitFor();
      expect(await state()).toEqual(stood);
      expect(await icon(page)).toBe(before.icon);
      expect(complaints).toEqual([]);
    });
  });

  testWith(["chromium"], "after a change it is what a reload would show", async () => {
    const world = await everyday();
    const content = (page: Page) => page.evaluate<string>('document.querySelector("main").outerHTML');
    await look(world, desktop, async ({ page }) => {
      for (const change of [{ api: 0 }, { api: 1, zeta: 0.5 }, { zeta: 1, explorer: 0, api: 1 }, {}]) {
        see(world, change);
        await nextLook(page);
        await page
          .getByText(await summaryOf(world))
          .first()
          .waitFor();
        const live = await content(page);
        await page.reload();
        expect(await content(page)).toBe(live);
      }
    });
  });

  testWith(["chromium"], "paused it stays as it is, and goes on when asked to", async () => {
    const world = small();
    await look(world, desktop, async ({ page, requests }) => {
      await page.getByRole("button", { name: "Pause" }).click();
      see(world, { api: 0, shop: 1 });
      await page.clock.fastForward(60_000);
      expect(requests).toEqual(["/status"]);
      expect(await heading(page).textContent()).toBe("All 2 services healthy");
      expect(await page.locator("#live").textContent()).toBe("Paused");
      await page.getByRole("button", { name: "Resume" }).click();
      await page.getByText("1 of 2 services unhealthy: api").waitFor();
      expect(await page.locator("#live").textContent()).toBe("Live");
    });
  });

  testWith(["chromium"], "without an answer it says since when, and looks up when there is one again", async () => {
    const world = small();
    let isAway = false;
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => (isAway ? new Response("away", { status: 502 }) : world.status.routes["/status"](request)),
    });
    const page = await (await launched()).newPage();
    try {
      await page.clock.install();
      await page.goto(`${server.url.origin}/status`);
      isAway = true;
      await nextLook(page);
      await page.getByText("No answer since 00:00:00 UTC").waitFor();
      expect(await page.title()).toStartWith("(no answer) ✓ All 2");
      isAway = false;
      await nextLook(page);
      await page.getByText("Live", { exact: true }).waitFor();
      expect(await page.title()).toStartWith("✓ All 2");
      expect(await page.locator("body").getAttribute("class")).toBe("healthy");
    } finally {
      await page.close();
      await server.stop(true);
      await world.status.stop();
    }
  });

  testWith(["chromium"], "a page of another edition is loaded anew", async () => {
    const world = small();
    let edition = "";
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        const { headers, body } = await world.status.routes["/status"](request);
        const text = await new Response(body).text();
        return new Response(edition === "" ? text : text.replace(/data-edition="\w+"/, edition), { headers });
      },
    });
    const page = await (await launched()).newPage();
    try {
      await page.clock.install();
      await page.goto(server.url.href);
      await page.evaluate("window.isOld = true");
      await page.clock.fastForward(5000);
      expect(await page.evaluate("window.isOld")).toBe(true);
      edition = 'data-edition="new"';
      const loaded = page.waitForEvent("load");
      await page.clock.fastForward(5000);
      await loaded;
      expect(await page.evaluate("window.isOld")).toBeUndefined();
    } finally {
      await page.close();
      await server.stop(true);
      await world.status.stop();
    }
  });
});

async function summaryOf(world: StatusWorld): Promise<string> {
  return (await world.json()).summary.text;
}
