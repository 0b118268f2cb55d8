/** Run by the bundler: the binary holds the values of the default, and starts without reading YAML. */
import text from "./default.yaml" with { type: "text" };

export function defaultValues(): unknown {
  return Bun.YAML.parse(text);
}
