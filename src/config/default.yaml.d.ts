/** Imported with `{ type: "text" }`. */
declare const text: string;
export default text;
