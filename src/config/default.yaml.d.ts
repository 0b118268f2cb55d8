/** As the bundler reads it; imported with `{ type: "text" }` it is the same file's text. */
declare const values: unknown;
export default values;
