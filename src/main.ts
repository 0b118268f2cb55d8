/** One bundle, three roles: the command line, and inside the daemon a handler's thread or a server thread. */
if (Bun.isMainThread) {
  const { run } = await import("./commands/run.ts");
  process.exitCode = await run(process.argv.slice(2));
  // What has been printed must reach its reader, which process.exit() would cut; after a failure threads may be left over.
  if (process.exitCode !== 0) process.exit();
} else if (process.env.SPECTA_THREAD === "server") {
  const { runServerThread } = await import("./server/thread.ts");
  runServerThread();
} else {
  const { runThread } = await import("./worker/thread.ts");
  runThread();
}
