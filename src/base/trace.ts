const frame = /\(?((?:file:\/\/)?[^\s()]+?):(\d+)(?::\d+)?\)?$/;

/** Where a stack's frames stand, innermost first, as `.../src/server/app.ts:41`: alike from source and in the binary. */
export function places(stack: string | undefined): string[] {
  const found: string[] = [];
  for (const line of (stack ?? "").split("\n")) {
    if (!/^\s*at /.test(line)) continue;
    const match = frame.exec(line.trim());
    if (match) found.push(`${shorten(match[1]!)}:${match[2]}`);
  }
  return found;
}

function shorten(path: string): string {
  const root = path.lastIndexOf("/src/");
  if (root >= 0) return `...${path.slice(root)}`;
  return path.startsWith("src/") ? `.../${path}` : path;
}
