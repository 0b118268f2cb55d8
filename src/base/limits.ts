/** Every limit of specta, with its unit in its name and its reason beside it. Configuration may lower or raise some. */

/** Actions in one request: bounds the work of one request and the size of its answer. */
export const maxActions = 100;

/** A metric's name in bytes: what a filesystem or label store takes as one name. */
export const maxMetricNameBytes = 255;

/** Default for `server.max_body`: 100 actions with long names fit, a flood of memory does not. */
export const defaultMaxBodyBytes = 64 * 1024;

/** What `Bun.serve` reads above `server.max_body`, so that a caller gets an RPC error instead of a bare 413. */
export const bodySlackBytes = 64 * 1024;

/** Series that clients can push, over all metrics of a configuration: each has its place in memory from the start. */
export const maxPushSeries = 100_000;

/** Default for a handler's `max_series`: series of one metric; a label that explodes must not take the process with it. */
export const defaultMaxSeries = 100;

/** Default for a handler's `timeout` (ms). */
export const defaultTimeoutMs = 30_000;

/** Default for a handler's `stale_after` (ms): how long a gauge outlives the executions that fail to report it. */
export const defaultStaleAfterMs = 5 * 60_000;

/** First pause before a dead thread is started again (ms); it doubles with each failure. */
export const minRespawnMs = 1000;

/** Longest such pause (ms): a handler that was mended is back within a minute. */
export const maxRespawnMs = 60_000;

/** Lines of a handler's console in one second; the rest become one line with their number. */
export const maxConsoleLinesPerSecond = 100;

/** Characters of one value in a log line: collectors cut or refuse longer lines. */
export const maxLogValueChars = 8192;

/** Bytes of log lines that wait for a reader of stdout that has stalled; beyond it lines are dropped and counted. */
export const maxPendingLogBytes = 1024 * 1024;

/** Requests and executions in flight at the first signal end within this (ms), or are ended. */
export const maxStopMs = 10_000;
