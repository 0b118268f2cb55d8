/** Where each limit is exceeded. A limit that is in no test, or whose test is gone, is seen here. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as limits from "../../../src/base/limits.ts";
import { root } from "../../harness/build.ts";

const configured = "tests/unit/limits/configuration.test.ts";
const report = "tests/unit/limits/report.test.ts";
const time = "tests/unit/limits/time.test.ts";
const output = "tests/unit/limits/output.test.ts";
const outside = "tests/unit/limits/outside.test.ts";
const server = "tests/unit/limits/server.test.ts";
const builds = "tests/unit/handlers/build.test.ts";
const gauges = "tests/unit/worker-gauges.test.ts";
const leases = "tests/faults/ledger-leases.test.ts";
const memory = "tests/soak/handlers.ts";

/** A file of the tests, and what its test is called, or, of a golden file of refusals, what it says. */
type Place = readonly [file: string, words: string];

const places: Readonly<Record<keyof typeof limits, Place>> = {
  // Requests.
  maxActions: ["tests/fixtures/rpc.json", "one hundred and one actions"],
  maxMetricNameBytes: ["tests/fixtures/rpc.json", "metric name of 256 bytes"],
  defaultMaxBodyBytes: ["tests/contract/rpc-protocols.test.ts", "65,536 bytes are taken, one more is too large"],
  maxQuotedChars: [server, "a rejection quotes so many characters"],
  maxListedNames: [server, "lists so many allowed names and the number of the rest"],
  maxCallTimeoutMs: ["tests/unit/server.test.ts", '["connect-timeout-ms", "2147483648", "2147483647"]'],
  maxIdempotencyKeyChars: ["tests/contract/rpc-edge.test.ts", '"x".repeat(129)'],
  idempotencyMs: ["tests/unit/server.test.ts", "are remembered for ten minutes"],
  maxIdempotencyKeys: ["tests/unit/server.test.ts", "the oldest are forgotten beyond their number"],
  maxRatedAddresses: ["tests/unit/server.test.ts", "forgets the address that was longest unseen"],
  maxProxyHops: [server, "a chain of proxies is followed so far, and no farther"],
  preflightSeconds: [server, "a browser may remember a preflight as long as browsers allow"],
  maxWireDepth: ["tests/faults/hostile-bodies.test.ts", "groups in groups"],
  idleTimeoutSeconds: ["tests/faults/hostile-slow.test.ts", "nor by a body a byte at a time, nor after its request"],
  tlsReloadMs: ["tests/contract/rpc-edge.test.ts", "a certificate that changes on disk is served"],
  maxRenderMs: ["tests/unit/exposition.test.ts", "a large registry is rendered in turns"],
  maxGzipAtOnceBytes: ["tests/contract/large-scrape.test.ts", "a scrape too large to be compressed at once"],
  gzipSliceBytes: ["tests/contract/large-scrape.test.ts", "pushes are answered while a large scrape is rendered"],

  // The configuration.
  maxConfigBytes: ["tests/unit/config-load.test.ts", "has a limit, exactly"],
  maxConfigValues: ["tests/fixtures/config/bomb.bad.txt", "must have at most 100000 values"],
  maxConfigDepth: ["tests/fixtures/config/deep.bad.txt", "must be nested at most 64 deep"],
  maxConfigProblems: ["tests/unit/config-load.test.ts", "with many problems has the first of them and their number"],
  maxSmallFileBytes: ["tests/unit/config-envfile.test.ts", "nor larger than 64 KiB"],
  maxPemBytes: ["tests/fixtures/config/files.bad.txt", "it has more than 1048576 bytes"],
  maxPushSeries: ["tests/fixtures/config/series.bad.txt", "for all metrics together may have 100000"],
  maxTokens: [configured, "maxTokens"],
  minMaxBodyBytes: [configured, "minMaxBodyBytes"],
  maxMaxBodyBytes: [configured, "maxMaxBodyBytes"],
  maxRequestsPerSecond: [configured, "maxRequestsPerSecond"],
  maxServerList: [configured, "maxServerList"],
  minCoolerMs: [configured, "minCoolerMs"],
  maxCoolerMs: [configured, "maxCoolerMs"],
  minTimeoutMs: [configured, "minTimeoutMs"],
  maxTimeoutMs: [configured, "maxTimeoutMs"],
  maxMaxSeries: [configured, "maxMaxSeries"],
  maxHandlerNameChars: [configured, "maxHandlerNameChars"],
  maxBuckets: [configured, "maxBuckets"],
  maxLabelValueBytes: [configured, "maxLabelValueBytes"],
  maxHelpChars: [configured, "maxHelpChars"],
  maxRepositories: [configured, "maxRepositories"],
  minLookbackMs: [configured, "minLookbackMs"],
  maxLookbackMs: [configured, "maxLookbackMs"],
  maxStackNames: [configured, "maxStackNames"],
  maxEndpointTargets: [configured, "maxEndpointTargets"],
  maxEndpointUrls: [configured, "maxEndpointUrls"],
  maxEndpointUrlChars: [configured, "maxEndpointUrlChars"],
  maxHttpThreads: [configured, "maxHttpThreads"],
  maxDrainSeconds: [configured, "maxDrainSeconds"],

  // Handlers and their threads.
  defaultMaxSeries: ["tests/unit/worker.test.ts", "beyond max_series are dropped, counted and logged once"],
  defaultTimeoutMs: ["tests/unit/worker-plan.test.ts", "gives a user's handler 30 s"],
  defaultStaleAfterMs: [gauges, "stay for stale_after once executions fail, and are then gone"],
  defaultLookbackMs: ["tests/unit/handlers/build-settings.test.ts", "fill in the label and the lookback of one day"],
  minRespawnMs: [gauges, "is started again after 1 s, doubled up to 1 min"],
  maxRespawnMs: [gauges, "is started again after 1 s, doubled up to 1 min"],
  maxStopMs: [time, "is ended so long after a stop, and not before"],
  stopQuietMs: ["tests/compiled/daemon.test.ts", "connections without a whole request do not hold it up"],
  deadlineGraceMs: [time, "has so long after its deadline to end by its signal, and is then ended"],
  maxActiveWaitMs: [time, "the start waits so long for a handler that does not load, and no longer"],
  maxThreadEndMs: [time, "a thread that cannot be ended is waited for so long; then its handler has another"],
  minCollectMs: [memory, "The memory of the compiled daemon with all six handlers"],
  handlerJitScale: [memory, "The memory of the compiled daemon with all six handlers"],
  maxHandlerMetrics: [report, "declares so many metrics, and no more"],
  maxEndedPerReport: ["tests/unit/worker-ledger.test.ts", "ended must have at most 10000 entries: it has 10001"],
  maxSamplesPerEnded: [report, "has so many samples for one ended execution, and no more"],
  maxEndedKeyChars: [report, "has keys of so many characters, and no longer ones"],
  maxNamedFailures: [report, "names so many failed targets, and the number of the rest"],
  maxReasonChars: [report, "has reasons that are cut where they are too long"],
  maxNamedProblems: [report, "that is wrong is told by its first problems and the number of the rest"],
  maxThrownValues: ["tests/unit/base.test.ts", "is told by its type alone when it is long"],
  maxTracePlaces: [report, "throws errors that are cut, with so many places of their stack"],
  maxQuotaRestMs: [report, "that asks for a rest of years is asked again after a day"],
  maxConsoleLinesPerSecond: ["tests/unit/worker-console.test.ts", "a flood gives 100 lines a second"],
  maxLogValueChars: [output, "a value in a log line is cut where it is too long"],
  maxPendingLogBytes: [output, "lines that wait for a reader are bounded"],

  // GitHub.
  maxGithubLanes: [builds, "looks at four repositories at once, and not at more"],
  maxGithubRequestMs: ["tests/faults/build.test.ts", "no answer from GitHub within"],
  maxGithubRetries: ["tests/faults/build.test.ts", "once is made up for within the execution"],
  githubRetryMs: ["tests/faults/build.test.ts", "once is made up for within the execution"],
  buildLookShare: [builds, "ends when its time is used up, and the next goes on"],
  maxGithubBodyBytes: ["tests/faults/build.test.ts", "an endless body is not read to its end"],
  maxGithubRedirects: ["tests/faults/build.test.ts", "GitHub redirects more than 3 times"],
  maxGithubPages: [outside, "is asked for so many pages of a repository within lookback, and no more"],
  maxGithubAttempts: [builds, "are asked for fifty at a look"],
  maxGithubRunAttempts: [outside, "is not believed that a run has been run more often than can be"],
  secondaryRestMs: ["tests/faults/build.test.ts", "a secondary limit without a time"],
  reminderMs: ["tests/unit/handlers/endpoint.test.ts", "and once an hour while it lasts"],

  // AWS.
  maxAwsRequestMs: ["tests/faults/aws.test.ts", "no answer from AWS within"],
  maxAwsAttempts: ["tests/faults/aws.test.ts", "is tried again within the execution"],
  maxAwsBodyBytes: [outside, "is read up to so many bytes of an answer"],
  maxAwsPages: ["tests/unit/handlers/aws-parts.test.ts", "fail beyond their limit"],
  maxAwsLanes: ["tests/unit/handlers/aws-parts.test.ts", "are as many as they may be, and keep the order"],
  maxAwsReasonChars: [outside, "is quoted with so many characters of what it says"],

  // Endpoints.
  maxProbes: ["tests/faults/endpoint.test.ts", "200 URLs are probed side by side, and no more than 32 at once"],
  maxProbeRedirects: ["tests/unit/handlers/endpoint.test.ts", "are followed, ten at most"],
  certificateMs: ["tests/unit/handlers/endpoint.test.ts", "are read once in ten minutes while all is well"],
  certificateRetryMs: ["tests/unit/handlers/endpoint.test.ts", "once a minute while it is not"],

  // The ledger.
  leaseTtlMs: [leases, "a lease's time leaves room to take over within 15 seconds"],
  leaseRenewMs: [leases, "a lease is renewed by itself, for longer than it would last"],
  leasePollMs: ["tests/unit/worker-ledger.test.ts", "says so once, and is asked for again"],
  leaseCheckMs: ["tests/unit/worker-ledger.test.ts", "takes its series away at once"],
  ledgerConnectMs: [outside, "a connection that is not made in time counts as away"],
  maxRecordMs: ["tests/faults/ledger.test.ts", "hung: a record fails within its time"],
  maxLeaseQueryMs: [leases, "given up after 4s"],
  ledgerStatementMs: [outside, "a statement is ended by the server after so long"],
  ledgerLockMs: [outside, "a lock that another holds is waited for so long"],
  ledgerSilenceMs: [leases, "a holder that hangs in the middle of a record blocks nobody"],
  maxLedgerConnections: [outside, "so many connections are made, and no more"],
  sqliteBusyMs: ["tests/faults/ledger.test.ts", "is waited for without blocking, then named"],
  maxStateChars: ["tests/unit/ledger.test.ts", "keeps states by name, the last write, up to a bound"],

  // The status page.
  statusSlotMs: ["tests/unit/status-history.test.ts", "stays unknown while nobody looked"],
  statusSlots: ["tests/unit/status-history.test.ts", "a series that is gone disappears when its day has passed"],
  maxStatusSeries: ["tests/unit/status-history.test.ts", "there are so many series and no more"],
  maxStatusMetrics: [server, "the status page counts so many metrics, and no more"],
  maxStatusErrorChars: ["tests/unit/status-page.test.ts", "toHaveLength(maxStatusErrorChars + 1)"],
  statusKeepMs: ["tests/unit/status-keeper.test.ts", "after a crash costs a minute at most"],
  statusRemoteMs: ["tests/unit/status-keeper.test.ts", "is the present for a few minutes, and then unknown"],
  maxStatusStopMs: ["tests/unit/status-keeper.test.ts", "a database that hangs does not hold the end up"],
};

/** What is wrong with the places of these limits, one line each. */
function missing(names: readonly string[], known: Readonly<Record<string, Place>>): string[] {
  return names.flatMap((name) => {
    const place = known[name];
    if (place === undefined) return [`${name} is exceeded nowhere`];
    const [file, words] = place;
    const path = join(root, file);
    if (!existsSync(path)) return [`${name}: there is no ${file}`];
    return readFileSync(path, "utf8").includes(words) ? [] : [`${name}: ${file} does not say ${JSON.stringify(words)}`];
  });
}

test("every limit is exceeded in a test", () => {
  expect(missing(Object.keys(limits), places)).toEqual([]);
  expect(Object.keys(places).sort()).toEqual(Object.keys(limits).sort());
});

describe("control", () => {
  test.each<[string, Record<string, Place>, string]>([
    ["a limit without a place", {}, "maxNew is exceeded nowhere"],
    ["a file that is gone", { maxNew: ["tests/gone.ts", "a"] }, "maxNew: there is no tests/gone.ts"],
    ["a test that is gone", { maxNew: [time, "gone~"] }, `maxNew: ${time} does not say "gone~"`],
  ])("%s is seen", (_, known, problem) => {
    expect(missing(["maxNew"], known)).toEqual([problem]);
  });
});
