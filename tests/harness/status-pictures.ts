/**
 * Takes the README's pictures of the status page, from the scenes that the tests look at:
 *
 *   bun tests/harness/status-pictures.ts examples/status
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { launchBrowser } from "./browser.ts";
import type { StatusWorld } from "./status.ts";
import { desktop, phone, withWorld } from "./status-browser.ts";
import { empty, everyday, failing, fresh } from "./status-scenes.ts";

export interface Picture {
  readonly name: string;
  readonly scene: () => StatusWorld | Promise<StatusWorld>;
  readonly options: BrowserContextOptions;
}

export const pictures: readonly Picture[] = [
  { name: "desktop", scene: everyday, options: desktop },
  { name: "failing", scene: failing, options: desktop },
  { name: "dark", scene: failing, options: { ...desktop, colorScheme: "dark" } },
  { name: "phone", scene: failing, options: phone },
  { name: "fresh", scene: fresh, options: { viewport: { width: 1280, height: 986 } } },
  { name: "empty", scene: empty, options: { viewport: { width: 1280, height: 660 } } },
];

/** Writes `<name>.png` into the folder. */
export async function takePicture(browser: Browser, { name, scene, options }: Picture, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await withWorld(browser, await scene(), options, async ({ page }) => {
    await page.screenshot({ path: join(folder, `${name}.png`) });
  });
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error("the folder must be named: examples/status");
  const browser = await launchBrowser();
  for (const picture of pictures) await takePicture(browser, picture, folder);
  await browser.close();
}
