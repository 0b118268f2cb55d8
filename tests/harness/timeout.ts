/** Loaded in front of every file of tests by bunfig.toml. */
import { setDefaultTimeout } from "bun:test";

// A test that waits for a compiled binary or a real server may take this long (milliseconds).
setDefaultTimeout(30_000);
