/** What all tables of the page are made of. Parts say their roles, for on a narrow screen they are laid out as something else. */
import { type Html, html } from "./html.ts";
import { type Icon, icon } from "./icons.ts";

export type Body = Html | readonly Html[];

/** The class of a column's cells, which decides its width, and its head. */
export type Head = readonly [kind: string, text: Html | string];

export function section(id: string, title: Body | string, note: Body | string, body: Body): Html {
  return html`<section class="section" data-key="${id}" aria-labelledby="${id}"><header class="heading"><h2 id="${id}">${title}</h2><p class="note">${note}</p></header>${body}</section>`;
}

export function table(id: string, kind: string, heads: readonly Head[], rows: readonly Html[]): Html {
  const columns = heads.map(([kind, head]) => html`<th role="columnheader" scope="col"${classOf(kind)}>${head}</th>`);
  return html`<table role="table" class="${kind}" aria-labelledby="${id}"><thead role="rowgroup"><tr role="row">${columns}</tr></thead><tbody role="rowgroup">${rows}</tbody></table>`;
}

/** The heads of columns of short facts. */
export function figures(...texts: readonly string[]): Head[] {
  return texts.map((text) => ["figure", text]);
}

/** `key` tells the row from all others of its table, from one look to the next. */
export function tableRow(key: string, name: Body | string, cells: readonly Html[], state = "", kind = ""): Html {
  return html`<tr role="row" data-key="${key}"${classOf(state)}><th role="rowheader" scope="row"${classOf(kind)}>${name}</th>${cells}</tr>`;
}

/** `label` stands beside the content where there is no room for a head. */
export function cell(kind: string, content: Body | string, label = ""): Html {
  return html`<td role="cell" class="${kind}"${label === "" ? "" : html` data-label="${label}"`}>${content}</td>`;
}

export function withIcon(name: Icon, text: Body | string): Html {
  return html`<span class="state ${name}">${icon(name)}<span>${text}</span></span>`;
}

function classOf(kind: string): Html | string {
  return kind === "" ? "" : html` class="${kind}"`;
}
