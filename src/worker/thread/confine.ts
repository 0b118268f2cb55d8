/**
 * What a handler's code finds changed in its thread: the process is shared by all threads, so what would reach the others
 * is refused, and what would reach stdout goes to the log. It keeps mistakes in, not malice: a handler is code that the
 * operator has chosen, and one that opens the process's own file descriptors by number gets at them.
 */
import type { LogLevel } from "../../base/log.ts";
import type { Lines } from "./console.ts";

const consoleLevels = {
  assert: "error",
  debug: "debug",
  dir: "info",
  dirxml: "info",
  error: "error",
  group: "info",
  info: "info",
  log: "info",
  table: "info",
  timeLog: "info",
  trace: "error",
  warn: "warning",
} as const satisfies Record<string, LogLevel>;

/** `ofUser`: built-in handlers open no files by their own, and are spared the modules for them, 4 MB a thread. */
export function confine(lines: Lines, ofUser: boolean): void {
  confineProcess();
  confineConsole(lines);
  const sinks = confineOutput(lines);
  if (ofUser) confineFiles(sinks);
}

function confineProcess(): void {
  const refuse = (what: string) => () => {
    throw new Error(`${what} is refused in a handler: it would reach the whole process`);
  };
  Object.assign(process, {
    abort: refuse("process.abort"),
    chdir: refuse("process.chdir"),
    umask: refuse("process.umask"),
  });
  const kill = process.kill.bind(process);
  process.kill = (pid, signal) => (pid === process.pid || pid === 0 ? refuse("to kill specta")() : kill(pid, signal));
  // Whatever is posted without the engine's word is ignored; this spares the main thread the sight of it.
  Object.assign(globalThis, { postMessage: () => undefined });
}

function confineConsole(lines: Lines): void {
  const counts = new Map<string, number>();
  const timers = new Map<string, number>();
  const silent = () => undefined;
  for (const [name, level] of Object.entries(consoleLevels)) {
    Object.assign(console, { [name]: (...values: unknown[]) => lines.print(level, values) });
  }
  const write = lines.stream("info");
  Object.assign(console, {
    assert: (condition?: unknown, ...values: unknown[]) => {
      if (!condition) lines.print("error", values.length === 0 ? ["Assertion failed"] : values);
    },
    clear: silent,
    count: (label = "default") => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      lines.print("info", [`${label}: ${counts.get(label)}`]);
    },
    countReset: (label = "default") => counts.delete(label),
    groupCollapsed: console.group,
    groupEnd: silent,
    time: (label = "default") => timers.set(label, performance.now()),
    timeEnd: (label = "default") => {
      const start = timers.get(label);
      timers.delete(label);
      if (start !== undefined) lines.print("info", [`${label}: ${(performance.now() - start).toFixed(2)}ms`]);
    },
    write: (...pieces: unknown[]) => {
      for (const piece of pieces) write(piece);
      return pieces.length;
    },
  });
}

type Sinks = Map<unknown, (piece: unknown) => void>;

function confineOutput(lines: Lines): Sinks {
  const outputs = [
    { name: "stdout", level: "info" },
    { name: "stderr", level: "warning" },
  ] as const;
  const sinks: Sinks = new Map();
  for (const [index, { name, level }] of outputs.entries()) {
    const write = lines.stream(level);
    const fd = index + 1;
    let stream: unknown;
    const get = () => {
      stream ??= openStream(fd, write);
      sinks.set(stream, write);
      return stream;
    };
    // Bun makes its own stream, and loads 3 MB for it, when a property that was never set is defined anew.
    Object.assign(process, { [name]: undefined });
    Object.defineProperty(process, name, { get, configurable: true });
    const file = { name, size: Number.POSITIVE_INFINITY, writer: () => sink(write), write: put(write) };
    Object.assign(Bun, { [name]: file });
    for (const target of [file, fd, `/dev/${name}`, `/dev/fd/${fd}`, `/proc/self/fd/${fd}`]) {
      sinks.set(target, write);
    }
  }
  divert(Bun, "write", Bun.write, sinks, (write, piece) => put(write)(piece));
  return sinks;
}

/** What `process.stdout` and `process.stderr` are, made when somebody looks. */
function openStream(fd: number, write: (piece: unknown) => void): object {
  const { Writable } = process.getBuiltinModule("node:stream");
  const stream = new Writable({
    decodeStrings: false,
    write(piece, _, done) {
      write(piece);
      done();
    },
  });
  return Object.assign(stream, { fd, isTTY: false });
}

function confineFiles(sinks: Sinks): void {
  const fs = process.getBuiltinModule("node:fs");
  const { writeSync, writeFileSync, appendFileSync } = fs;
  divert(fs, "writeSync", writeSync, sinks, written);
  divert(fs, "writeFileSync", writeFileSync, sinks, (write, piece) => write(piece));
  divert(fs, "appendFileSync", appendFileSync, sinks, (write, piece) => write(piece));
}

/** Replaces a function by one that looks first whether it writes to one of ours. */
function divert(
  owner: object,
  name: string,
  original: (...args: never[]) => unknown,
  sinks: ReadonlyMap<unknown, (piece: unknown) => void>,
  take: (write: (piece: unknown) => void, piece: unknown) => unknown,
): void {
  Object.assign(owner, {
    [name]: (...args: never[]) => {
      const write = sinks.get(args[0]);
      return write === undefined ? original(...args) : take(write, args[1]);
    },
  });
}

function put(write: (piece: unknown) => void) {
  return async (piece: unknown): Promise<number> => {
    const readable = piece instanceof Response || piece instanceof Blob;
    write(readable ? await piece.text() : piece);
    return readable ? 0 : sizeOf(piece);
  };
}

function sink(write: (piece: unknown) => void) {
  return {
    write: (piece: unknown) => written(write, piece),
    flush: () => 0,
    end: () => 0,
    ref: () => undefined,
    unref: () => undefined,
  };
}

/** Writes, and says how many bytes that were. */
function written(write: (piece: unknown) => void, piece: unknown): number {
  write(piece);
  return sizeOf(piece);
}

function sizeOf(piece: unknown): number {
  if (piece instanceof ArrayBuffer || ArrayBuffer.isView(piece)) return piece.byteLength;
  return Buffer.byteLength(String(piece));
}
