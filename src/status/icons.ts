/** The few pictures of the page: drawn once as symbols, and as the favicon. Shapes differ as colours do. */
import { Html, html } from "./html.ts";

export type Icon = "healthy" | "partly" | "unhealthy" | "unknown" | "gone" | "reported";

const disc = '<circle cx="8" cy="8" r="7.5"/>';
const drawings: Readonly<Record<Icon, { readonly shape: string; readonly sign: string }>> = {
  healthy: { shape: disc, sign: '<path d="M4.6 8.3l2.4 2.4 4.5-4.9"/>' },
  partly: { shape: '<path d="M8 0.4l7.6 7.6-7.6 7.6-7.6-7.6z"/>', sign: '<path d="M5.2 8h5.6"/>' },
  unhealthy: {
    shape: '<rect x="0.8" y="0.8" width="14.4" height="14.4" rx="2.5"/>',
    sign: '<path d="M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6"/>',
  },
  unknown: { shape: disc, sign: '<path d="M5.9 6.2a2.1 2.1 0 1 1 3.1 1.9c-.7.4-1 .8-1 1.5M8 12v.1"/>' },
  gone: { shape: disc, sign: '<path d="M4.8 8h6.4"/>' },
  reported: { shape: '<circle cx="8" cy="8" r="3.5"/>', sign: "" },
};

const colours: Readonly<Record<Icon, string>> = {
  healthy: "#2c8a57",
  partly: "#c98500",
  unhealthy: "#d0382e",
  unknown: "#7d8689",
  gone: "#7d8689",
  reported: "#7d8689",
};

/** Stands once in the page, for `icon` to refer to. */
export function symbols(): Html {
  const all = Object.entries(drawings).map(([name, { shape, sign }]) => {
    return `<symbol id="i-${name}" viewBox="0 0 16 16">${shape}<g class="sign">${sign}</g></symbol>`;
  });
  return html`<svg class="symbols" width="0" height="0" aria-hidden="true" focusable="false">${new Html(all.join(""))}</svg>`;
}

export function icon(name: Icon, kind = "icon"): Html {
  return html`<svg class="${kind} ${name}" aria-hidden="true" focusable="false"><use href="#i-${name}"/></svg>`;
}

/** A data URL. */
export function favicon(name: Icon): string {
  const { shape, sign } = drawings[name];
  const strokes = `<g fill="none" stroke="#fff" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">${sign}</g>`;
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="${colours[name]}">${shape}${strokes}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(drawing)}`;
}
