/** Takes secrets out of what a page shows: errors may repeat whatever a handler was given. */

/** Values this short stand in every text: to replace them would only garble it. */
const minSecretChars = 6;
const secretKey = /token|secret|password|passwd|credential|authorization|api_?key|private_?key|dsn/i;

/**
 * Replaces the values of a thread's environment variables by their names, the values of settings whose keys sound like a
 * secret's, and credentials in URLs.
 */
export function redactor(variables: Readonly<Record<string, string>>, settings: unknown): (text: string) => string {
  const hidden: (readonly [value: string, shown: string])[] = [];
  for (const [name, value] of Object.entries(variables)) {
    for (const part of [value, ...passwordsOf(value)]) hidden.push([part, `\${${name}}`]);
  }
  for (const value of secretsIn(settings, false)) hidden.push([value, "[secret]"]);
  const long = hidden.filter(([value]) => value.length >= minSecretChars).sort(([a], [b]) => b.length - a.length);
  return (text) => {
    let shown = text;
    for (const [value, name] of long) shown = shown.replaceAll(value, name);
    return shown.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]+@/gi, "$1[secret]@");
  };
}

function passwordsOf(value: string): string[] {
  const password = URL.parse(value)?.password ?? "";
  return password === "" ? [] : [password, decode(password)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The texts in settings below a key that sounds like a secret's. */
function secretsIn(value: unknown, isSecret: boolean): string[] {
  if (typeof value === "string") return isSecret ? [value] : passwordsOf(value);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => secretsIn(inner, isSecret || secretKey.test(key)));
}
