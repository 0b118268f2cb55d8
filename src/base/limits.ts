/** Every limit of specta, with its unit in its name and its reason beside it. Configuration may lower or raise some. */

/** Actions in one request: bounds the work of one request and the size of its answer. */
export const maxActions = 100;

/** A metric's name in bytes: what a filesystem or label store takes as one name. */
export const maxMetricNameBytes = 255;

/** Default for `server.max_body`: 100 actions with long names fit, a flood of memory does not. */
export const defaultMaxBodyBytes = 64 * 1024;

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

/** While it stops, connections are closed when for so long (ms) no request is under way: time for a head to arrive. */
export const stopQuietMs = 500;

/** The configuration file (bytes): thousands of targets fit; what parses slowly on purpose stays under two seconds. */
export const maxConfigBytes = 256 * 1024;

/** Values in a configuration once its aliases are followed: refuses a file that grows without end while it is read. */
export const maxConfigValues = 100_000;

/** Depth of a configuration's nesting: nothing real comes near, and no recursion over it can run out of stack. */
export const maxConfigDepth = 64;

/** Problems of one configuration that are listed; the rest are one line with their number. */
export const maxConfigProblems = 100;

/** A secret's file and the environment file (bytes): read whole, and a wrong path may lead to anything. */
export const maxSmallFileBytes = 64 * 1024;

/** A certificate, key or bundle of authorities (bytes): a whole system's bundle is a fifth of this. */
export const maxPemBytes = 1024 * 1024;

/** Tokens in one list: each is compared with every request. */
export const maxTokens = 100;

/** `server.max_body` (bytes) at least: one action with a long name fits. */
export const minMaxBodyBytes = 512;

/** `server.max_body` (bytes) at most: a request is held in memory whole, as often as there are requests in flight. */
export const maxMaxBodyBytes = 16 * 1024 * 1024;

/** `server.rate_limit`, both numbers, at most: beyond what one process serves a limit is none. */
export const maxRequestsPerSecond = 1_000_000;

/** Entries of `server.trusted_proxies` and `server.cors.origins`: looked through for every request. */
export const maxServerList = 1000;

/** `cooler` (ms) at least: without a rest a handler floods its target and the log. */
export const minCoolerMs = 100;

/** `cooler` and `stale_after` (ms) at most: far beyond any use, and timers end at 24 days. */
export const maxCoolerMs = 7 * 24 * 3_600_000;

/** `timeout` (ms) at least: less than this ends executions before they began. */
export const minTimeoutMs = 10;

/** `timeout` (ms) at most: a handler that hangs is noticed within the hour. */
export const maxTimeoutMs = 3_600_000;

/** `max_series` at most, for one metric of one handler: the same bound as for all that clients push. */
export const maxMaxSeries = 100_000;

/** A handler's own name (characters): it is a label's value and a thread's name. */
export const maxHandlerNameChars = 63;

/** Bounds of one histogram: each is a series of its own to Prometheus. */
export const maxBuckets = 100;

/** A label's value (bytes), listed in a configuration or by a handler: it stands in every line of the exposition. */
export const maxLabelValueBytes = 1024;

/** A metric's help (characters): one line of the exposition. */
export const maxHelpChars = 1024;

/** `SPECTA_HTTP_THREADS`: each holds a thread and a shard of all series. */
export const maxHttpThreads = 256;

/** `SPECTA_DRAIN_SECONDS`: what waits longer is killed by every orchestrator. */
export const maxDrainSeconds = 3600;

/** Repositories of the build handler: with four series each, still a number that one execution can look at. */
export const maxRepositories = 100;

/** Shortest and longest `lookback` (ms): a run must end within it to be seen, and GitHub is asked for all of it. */
export const minLookbackMs = 60_000;
export const maxLookbackMs = 30 * 86_400_000;

/** Repositories that are looked at side by side: GitHub answers many requests at once with its secondary limit. */
export const maxGithubLanes = 4;

/** One request to GitHub with its retries (ms), and never above a quarter of the deadline: one that hangs leaves time. */
export const maxGithubRequestMs = 15_000;

/** Retries of one request to GitHub after a reset or a 5xx. */
export const maxGithubRetries = 2;

/** First pause before such a retry (ms); the second is four times as long. */
export const githubRetryMs = 250;

/** Part of its deadline in which an execution of the build handler begins to ask; what is left then is for the next. */
export const buildLookShare = 2 / 3;

/** An answer of GitHub in bytes: 100 runs are about 2 MB. */
export const maxGithubBodyBytes = 16 * 1024 * 1024;

/** Redirects of one request to GitHub: a moved repository takes one. */
export const maxGithubRedirects = 3;

/** Pages of one repository's listing in one execution: 10,000 runs within `lookback`. */
export const maxGithubPages = 100;

/** Earlier attempts of re-run runs that one execution asks for in one repository; the next goes on. */
export const maxGithubAttempts = 50;

/** Attempts of one run: GitHub lets a run be run again fifty times; a number far beyond is no answer of GitHub's. */
export const maxGithubRunAttempts = 1000;

/** The rest after a secondary limit that names no time (ms), as GitHub's documentation asks. */
export const secondaryRestMs = 60_000;

/** Longest rest that is obeyed (ms): GitHub's quota resets within the hour, a longer one is a mistake. */
export const maxQuotaRestMs = 86_400_000;

/** What lasts, such as a service without its label, is logged again after this (ms). */
export const reminderMs = 3_600_000;

/** One attempt of a request to AWS (ms): all of them fit into an execution, and none waits for a connection that hangs. */
export const maxAwsRequestMs = 7000;

/** Attempts of one request to AWS, after a reset, a 5xx or throttling. */
export const maxAwsAttempts = 3;

/** An answer of AWS in bytes: a page of 100 is about 1 MB, 5000 key-pairs in one answer are 3. */
export const maxAwsBodyBytes = 16 * 1024 * 1024;

/** Pages of one AWS listing in one execution: 10,000 resources, or executions of one pipeline. */
export const maxAwsPages = 100;

/** Requests to AWS side by side: its limits are a few a second for a whole account. */
export const maxAwsLanes = 4;

/** Characters of what AWS says of an error. */
export const maxAwsReasonChars = 300;

/** Entries of the stack handler's `names`: each is looked for in each stack's name. */
export const maxStackNames = 1000;

/** A lease that is not renewed ends after this (ms): with `leasePollMs` and the time of a query, take-over within 15 s. */
export const leaseTtlMs = 10_000;

/** The ledger renews the leases it holds this often (ms): three renewals may fail before one is lost. */
export const leaseRenewMs = 3000;

/** How often a replica without a lease should ask for it (ms). */
export const leasePollMs = 2000;

/** A connection to PostgreSQL is made within this (ms), or counts as away. */
export const ledgerConnectMs = 3000;

/** One transaction of a record (ms): a database that hangs fails an execution instead of holding it for ever. */
export const maxRecordMs = 20_000;

/** One transaction of a lease (ms); shorter, so that a hung connection is given up before the lease ends. */
export const maxLeaseQueryMs = 4000;

/** One statement at PostgreSQL (ms), ended by the server itself. */
export const ledgerStatementMs = 10_000;

/** Waiting for a row's lock at PostgreSQL (ms). */
export const ledgerLockMs = 2000;

/** A transaction whose client went silent is ended by PostgreSQL after this (ms), and with it its lock on a lease. */
export const ledgerSilenceMs = 5000;

/** Connections of one replica for records; leases have one of their own. */
export const maxLedgerConnections = 2;

/** Waiting for another process's lock on a SQLite file (ms). */
export const sqliteBusyMs = 3000;

/** Key of a build or deployment in characters: PostgreSQL's index takes 2.7 kB a row. */
export const maxEndedKeyChars = 512;

/** One kept text in characters, the status page's history for example. */
export const maxStateChars = 4 * 1024 * 1024;

/** Characters of a caller's value that an error repeats: enough to recognise it, too few to fill logs. */
export const maxQuotedChars = 64;

/** Allowed names that an error lists before it counts the rest. */
export const maxListedNames = 20;

/** The longest timeout that a caller may ask for (ms): timers overflow beyond it, and 24 days are for ever. */
export const maxCallTimeoutMs = 2 ** 31 - 1;

/** Characters of an `Idempotency-Key`. */
export const maxIdempotencyKeyChars = 128;

/** How long a key of a success is remembered (ms). */
export const idempotencyMs = 10 * 60_000;

/** Keys that are remembered, the oldest forgotten first: about 4 MB. */
export const maxIdempotencyKeys = 10_000;

/** Client addresses whose rate is known at a time, the longest unseen forgotten first. */
export const maxRatedAddresses = 10_000;

/** Proxies of one request whose word is followed, nearest first: a chain has a handful, and each is looked up. */
export const maxProxyHops = 30;

/** How long a browser may remember the answer to a preflight (s): what browsers allow at most. */
export const preflightSeconds = 7200;

/** Groups and messages inside each other in a protobuf body. */
export const maxWireDepth = 100;

/** After the deadline a handler has this long (ms) to end by its signal, before its thread is ended. */
export const deadlineGraceMs = 250;

/** Metrics that one handler may declare: what a person can read in one list. */
export const maxHandlerMetrics = 100;

/** Ended builds or deployments in one report: ten pages of a busy organisation's day. */
export const maxEndedPerReport = 10_000;

/** Samples of one ended build or deployment. */
export const maxSamplesPerEnded = 20;

/** Failed targets of one report that its error names; the rest are one number. */
export const maxNamedFailures = 20;

/** Characters of the reason of one failed target, and of one problem in a report. */
export const maxReasonChars = 500;

/** Problems of one report that its error lists; the rest are one number. */
export const maxNamedProblems = 5;

/** A handler's thread collects its garbage after an execution, and no more often than this (ms): it takes 4 ms or so. */
export const minCollectMs = 1000;

/** So many times as often as usual must code of a built-in handler run before it is compiled to machine code. */
export const handlerJitScale = 1000;

/** Values in a thrown thing that is no error: with more of them it is named by its type alone. */
export const maxThrownValues = 1000;

/** Places in a stack that leave a thread. */
export const maxTracePlaces = 30;

/** How often a replica looks whether it still may show a handler's series (ms). */
export const leaseCheckMs = 500;

/** The start waits this long (ms) for users' handlers to say whether they are active, before it tells how many run. */
export const maxActiveWaitMs = 2000;

/** How far back a user's handler may report ended work, when nothing else is said (ms). */
export const defaultLookbackMs = 86_400_000;

/** A connection on which nothing moves is closed after this (s): browsers and proxies keep theirs about a minute. */
export const idleTimeoutSeconds = 75;

/** How often the files of the certificate are looked at (ms). */
export const tlsReloadMs = 10_000;

/** Endpoint targets of one configuration, and URLs of one target: more belongs to a prober of its own. */
export const maxEndpointTargets = 1000;
export const maxEndpointUrls = 100;

/** A probed URL in characters: what servers take as one. */
export const maxEndpointUrlChars = 2048;

/** Probes at once: an answer that does not come holds up few others, and the network sees no burst. */
export const maxProbes = 32;

/** Redirects of one probe. */
export const maxProbeRedirects = 10;

/** A certificate is read again after this (ms): a new one is known soon, and most probes cost no second handshake. */
export const certificateMs = 10 * 60_000;

/** The same for one that could not be read, or whose URL fails (ms). */
export const certificateRetryMs = 60_000;

/** A slot of the status history (ms): short enough to show a blip, and a day of them fits a screen's width. */
export const statusSlotMs = 5 * 60_000;

/** Slots of the status history: a day. */
export const statusSlots = 288;

/** Series with a status history, of 4 bytes a slot: 1.7 MB at most with their labels. The page counts further ones. */
export const maxStatusSeries = 1000;

/** Counters and histograms whose last hour the status page tells: 1.1 MB at most, with 100 buckets each. */
export const maxStatusMetrics = 100;

/** How often the status history is kept in a lasting ledger, and read where another replica keeps it (ms). */
export const statusKeepMs = 60_000;

/** What the ledger has kept is shown as another replica's present state for so long (ms): two writings may be missed. */
export const statusRemoteMs = 3 * 60_000;

/** Keeping the status history while specta stops (ms): a database that hangs does not hold the end up. */
export const maxStatusStopMs = 2000;

/** Characters of a handler's error on the status page; the log has all of it. */
export const maxStatusErrorChars = 400;

/** How long a handler waits for its last thread to close before it gets a new one all the same (ms). */
export const maxThreadEndMs = 10_000;

/** The exposition is rendered for so long (ms) before other requests have their turn. */
export const maxRenderMs = 1;

/** An answer of so many bytes is compressed at once, in under two milliseconds; a larger one in slices, between requests. */
export const maxGzipAtOnceBytes = 1024 * 1024;

/** Such a slice in bytes: a quarter of a millisecond. */
export const gzipSliceBytes = 64 * 1024;
