/** Chromium as tests use it: without a window, and without a request of its own to anywhere. */
import { type Browser, chromium } from "playwright-core";
import { tool } from "./tools.ts";

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: tool("chromium"),
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
      ...["--disable-background-networking", "--disable-component-update"],
    ],
  });
}
