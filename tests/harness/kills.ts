/**
 * Kills at random moments while builds end, and what came of them. Half of the kills fall anywhere in a life of half a
 * second, half within some milliseconds after GitHub was asked, where what it answers is recorded.
 */
import { type BuildStream, differences, shown, total, type Values } from "./builds-stream.ts";
import type { Place } from "./ledgers.ts";
import type { Prometheus } from "./prometheus.ts";
import type { Replica, Watch } from "./replicas.ts";

const maxLifeMs = 600;
const maxAnswerMs = 40;
const pollMs = 20;

/** What a kill met. */
export interface Kills {
  /** Before it accepted calls. */
  starting: number;
  /** While it showed builds. */
  holding: number;
  /** While it accepted calls and showed none: before it had the stored totals, or as the one that waits. */
  waiting: number;
}

export const noKills = (): Kills => ({ starting: 0, holding: 0, waiting: 0 });

/** Waits for a random moment of a replica's life. */
export async function moment(stream: BuildStream): Promise<void> {
  // Squared: the start is short, and as worthy of kills as the rest.
  const lifeMs = stream.next() ** 2 * maxLifeMs;
  const answerMs = stream.next() * maxAnswerMs;
  if (stream.next() < 0.5) return Bun.sleep(lifeMs);
  // While nobody asks GitHub, the database being away for example, time decides.
  await Promise.race([stream.asked(), Bun.sleep(maxLifeMs)]);
  await Bun.sleep(answerMs);
}

/** Kills it and notes what the kill met. */
export async function kill(replica: Replica, watch: Watch, kills: Kills): Promise<void> {
  if (!replica.isListening) kills.starting += 1;
  else if (watch.holder === replica) kills.holding += 1;
  else kills.waiting += 1;
  await replica.kill();
}

/**
 * Makes the database note which role took a lease: what a test sees of replicas is older than what they do, and ending
 * the lease of a living holder lets two hold at once. Each replica has a role of its own; `first` holds now.
 */
export async function noteTakers({ run }: Place, first: string): Promise<void> {
  await run(`ALTER TABLE specta_leases ADD COLUMN taken_by TEXT NOT NULL DEFAULT '${first}'`);
  await run(`CREATE FUNCTION note_taker() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.holder <> OLD.holder THEN NEW.taken_by := session_user; END IF;
    RETURN NEW;
  END $$`);
  await run("CREATE TRIGGER note_taker BEFORE UPDATE ON specta_leases FOR EACH ROW EXECUTE FUNCTION note_taker()");
}

/**
 * Ends the leases of replicas that are dead, as their time would in ten seconds, and those alone. Not before Prometheus
 * has noticed the death: so it is where Prometheus scrapes more often than every seven seconds, the shortest time that a
 * lease has left.
 */
export async function endLeasesOfDead(
  { run }: Place,
  dead: readonly { readonly replica: Replica; readonly role: string }[],
  prometheus: Prometheus,
): Promise<void> {
  // A death that is older is another one.
  const killedSeconds = Date.now() / 1000;
  await prometheus.until(async () => {
    const gone = await prometheus.query("timestamp(up == 0)");
    return dead.every(({ replica: { port } }) =>
      gone.some(({ metric, values }) => metric.instance === `127.0.0.1:${port}` && values[0]! > killedSeconds),
    );
  }, "the end of the dead");
  const roles = dead.map(({ role }) => `'${role}'`).join(", ");
  await run(`UPDATE specta_leases SET expires_at = now() - interval '1 second' WHERE taken_by IN (${roles})`);
}

/** What can be scraped. */
type Shown = Pick<Replica, "url">;

/** Asks until one replica alone shows builds, and, when `isWhole`, as many as have ended. Returns all that it shows. */
async function settled(replicas: readonly Shown[], stream: BuildStream, isWhole: boolean): Promise<Values> {
  for (;;) {
    const all = (await Promise.all(replicas.map(({ url }) => shown(url)))).filter((one) => one !== undefined);
    const [values] = all;
    if (values !== undefined && all.length === 1 && (!isWhole || total(values) >= stream.executions())) return values;
    await Bun.sleep(pollMs);
  }
}

/**
 * How the one that shows builds differs from the truth once it has had time for all, and again three looks later: a
 * second count of one build comes with the next look. `isWhole`: the wait is for as many as have ended.
 */
export async function finalDifferences(
  replicas: readonly Shown[],
  stream: BuildStream,
  isWhole = true,
): Promise<string[]> {
  const first = differences(await settled(replicas, stream, isWhole), stream.truth());
  const listings = stream.github.requests.length;
  while (stream.github.requests.length < listings + 3 * stream.github.runs.size) await Bun.sleep(pollMs);
  return isWhole ? [...first, ...differences(await settled(replicas, stream, true), stream.truth())] : first;
}

/** What Prometheus makes of the executions since it began to scrape. */
export interface Increases {
  /** The sum over replicas, every 200 ms, and how many of its values were lower than the one before. */
  readonly samples: number;
  readonly falls: number;
  readonly first: number;
  readonly last: number;
  /** `increase` over the sum, and over the highest of the replicas. */
  readonly ofSum: number;
  readonly ofMax: number;
  /** The sum of each replica's own `increase`. */
  readonly ofEach: number;
  /**
   * How much more than what was seen `increase` may be, as a factor: it goes on to the ends of its window, over 1.1 times
   * the mean interval between two samples at either end.
   */
  readonly maxFactor: number;
}

export async function increases(prometheus: Prometheus, sinceMs: number): Promise<Increases> {
  const seconds = Math.ceil((Date.now() - sinceMs) / 1000);
  const stepSeconds = Math.max(0.2, seconds / 10_000);
  const [range] = await prometheus.range("sum(build_execution_total)", seconds, stepSeconds);
  const values = range?.values ?? [];
  const one = async (expr: string) => (await prometheus.query(expr))[0]?.values[0] ?? Number.NaN;
  const window = `[${seconds}s:${Math.round(stepSeconds * 1000)}ms]`;
  const series = "env, platform, repository, success, workflow";
  return {
    samples: values.length,
    falls: values.filter((value, index) => index > 0 && value < values[index - 1]!).length,
    first: values[0] ?? Number.NaN,
    last: values.at(-1) ?? Number.NaN,
    ofSum: await one(`sum(increase(sum by (${series}) (build_execution_total)${window}))`),
    ofMax: await one(`sum(increase(max by (${series}) (build_execution_total)${window}))`),
    ofEach: await one(`sum(increase(build_execution_total[${seconds}s]))`),
    maxFactor: 1 + 2.2 / (values.length - 1),
  };
}
