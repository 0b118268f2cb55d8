import type { PushMetric } from "./push-layout.ts";
import { escapeLabel } from "./text.ts";

/** The labels of a metric's series as the text format writes them, `env` among them. */
export class LabelTexts {
  /** By label, in the order of their names: the text for each place, "" for a label that is left out. */
  readonly #labels: readonly { readonly stride: number; readonly texts: readonly string[] }[];

  constructor(metric: PushMetric, environment: string) {
    const pair = (name: string, value: string) => `${name}="${escapeLabel(value)}"`;
    const labels = metric.labels.map(({ name, values, stride }) => {
      return { name, stride, texts: ["", ...values.map((value) => pair(name, value))] };
    });
    const env = { name: "env", stride: metric.series, texts: [pair("env", environment)] };
    this.#labels = [...labels, env].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  of(series: number): string {
    let all = "";
    for (const { stride, texts } of this.#labels) {
      const text = texts[Math.floor(series / stride) % texts.length]!;
      if (text === "") continue;
      all = all === "" ? text : `${all},${text}`;
    }
    return all;
  }
}
