/** What must not be in the image: programs that run as another user, shells, package managers. Reads the output of `tar -tv`. */

const shells = new Set(["sh", "bash", "dash", "ash", "zsh", "ksh", "busybox", "toybox"]);
const managers = new Set(["apt", "apt-get", "dpkg", "apk", "rpm", "dnf", "yum"]);

/** One line for each file at fault; empty when there is none. */
export function findings(listing: string): string[] {
  const found: string[] = [];
  for (const line of listing.split("\n")) {
    const [, mode, path] = /^([-a-zA-Z]{10}).*\d{2}:\d{2} (.+)$/.exec(line) ?? [];
    if (mode === undefined || path === undefined) continue;
    const file = path.replace(/ -> .*$/, "").replace(/ link to .*$/, "");
    if (mode[3]?.toLowerCase() === "s") found.push(`${file} is set-user-id: ${mode}`);
    if (mode[0] !== "d" && mode[6]?.toLowerCase() === "s") found.push(`${file} is set-group-id: ${mode}`);
    const name = file.slice(file.lastIndexOf("/") + 1);
    if (mode[0] !== "d" && shells.has(name)) found.push(`${file} is a shell`);
    if (mode[0] !== "d" && managers.has(name) && /(?:^|\/)s?bin\//.test(file))
      found.push(`${file} is a package manager`);
  }
  return found;
}

if (import.meta.main) {
  const listing = await Bun.file(process.argv[2] ?? "").text();
  const found = findings(listing);
  if (!/ (?:\.\/)?image\/specta$/m.test(listing))
    found.push("image/specta is missing: this is no listing of specta's image");
  for (const line of found) console.error(line);
  process.exit(found.length > 0 ? 1 : 0);
}
