import { describe, expect, test } from "bun:test";
import { maxStatusSeries, statusSlotMs, statusSlots } from "../../src/base/limits.ts";
import { History, type Track } from "../../src/status/history.ts";
import { ManualClock } from "../harness/clock.ts";

const dayMs = statusSlots * statusSlotMs;
const health = "http_endpoint_health";

function start() {
  const clock = new ManualClock();
  const history = new History(clock);
  const see = (value: number, service = "shop", metric = health) => history.see("endpoint", metric, { service }, value);
  const track = (service = "shop", metric = health) => history.find(metric, { service })!;
  /** The newest slots, oldest first; null is unknown. */
  const last = (amount: number, of: Track = track()) =>
    [...history.ordered(of).slice(-amount)].map((value) => (Number.isNaN(value) ? null : value));
  const turn = () => {
    clock.advance(statusSlotMs);
    history.turn();
  };
  return { clock, history, see, track, last, turn };
}

describe("a slot", () => {
  test("holds the worst health that was seen in it", () => {
    const { see, last } = start();
    for (const value of [1, 0, 0.5, 1]) see(value);
    expect(last(2)).toEqual([null, 0]);
  });

  test("holds the newest number that was seen in it", () => {
    const { see, last, track } = start();
    for (const value of [7, 2, 4]) see(value, "mail", "queue_depth");
    expect(last(2, track("mail", "queue_depth"))).toEqual([null, 4]);
  });

  test("begins with what is live, and ends as soon as something worse is seen", () => {
    const { see, last, turn } = start();
    see(0);
    see(1);
    turn();
    expect(last(3)).toEqual([null, 0, 1]);
    see(0.5);
    expect(last(3)).toEqual([null, 0, 0.5]);
  });

  test("stays unknown while nobody looked, as after a sleep of the machine", () => {
    const { clock, see, last } = start();
    see(1);
    clock.advance(3 * statusSlotMs);
    see(1);
    expect(last(4)).toEqual([1, null, null, 1]);
  });

  test("is not filled by what another replica looks after", () => {
    const { clock, history, see, last } = start();
    see(1);
    clock.advance(statusSlotMs);
    history.turn(new Set(["endpoint"]));
    expect(last(2)).toEqual([1, null]);
  });

  test.each(["stale", "lost", "gone"] as const)("is not filled by what is %s", (presence) => {
    const { history, see, track, last, turn } = start();
    see(1);
    history.miss(track(), presence);
    turn();
    expect(last(2)).toEqual([1, null]);
  });
});

describe("since when", () => {
  test("the first value may be older; a change is not", () => {
    const { clock, see, track } = start();
    see(1);
    expect(track()).toMatchObject({ sinceMs: clock.unixMs(), sinceAtLeast: true });
    clock.advance(60_000);
    see(0);
    expect(track()).toMatchObject({ sinceMs: clock.unixMs(), sinceAtLeast: false });
  });

  test("the same health, partly more or less, and the same number are no change", () => {
    const { clock, see, track } = start();
    const sinceMs = clock.unixMs();
    for (const value of [0.5, 0.75, 0.25]) {
      see(value);
      see(3, "mail", "queue_depth");
      clock.advance(60_000);
    }
    expect(track().sinceMs).toBe(sinceMs);
    expect(track("mail", "queue_depth").sinceMs).toBe(sinceMs);
    see(4, "mail", "queue_depth");
    expect(track("mail", "queue_depth").sinceMs).toBe(clock.unixMs());
  });

  test("what was gone and is back begins anew", () => {
    const { clock, history, see, track } = start();
    see(1);
    history.miss(track(), "gone");
    history.miss(track(), "lost");
    expect(track().presence).toBe("gone");
    clock.advance(60_000);
    see(1);
    expect(track()).toMatchObject({ presence: "live", sinceMs: clock.unixMs(), sinceAtLeast: false });
  });

  test("what was lost and is back as it was has been so all the while", () => {
    const { clock, history, see, track } = start();
    const sinceMs = clock.unixMs();
    see(1);
    history.miss(track(), "lost");
    clock.advance(60_000);
    see(1);
    expect(track()).toMatchObject({ presence: "live", sinceMs });
  });
});

describe("memory", () => {
  test("a series that is gone disappears when its day has passed, a live one stays", () => {
    const { history, see, track, turn } = start();
    see(1, "gone");
    see(1, "stays");
    history.miss(track("gone"), "gone");
    for (let slot = 1; slot < statusSlots; slot += 1) turn();
    expect([...history.tracks()].map(({ labels }) => labels.service)).toEqual(["gone", "stays"]);
    turn();
    expect([...history.tracks()].map(({ labels }) => labels.service)).toEqual(["stays"]);
    expect([...history.ordered(track("stays"))]).toEqual(new Array(statusSlots).fill(1));
  });

  test("there are so many series and no more; those that are gone make room, the longest gone first", () => {
    const { clock, history, see, track } = start();
    for (let index = 0; index < maxStatusSeries; index += 1) {
      see(1, `s${index}`);
      clock.advance(1);
    }
    see(1, "late");
    expect(history.refused).toBe(1);
    expect(history.find(health, { service: "late" })).toBeUndefined();
    for (const name of ["s7", "s3"]) history.miss(track(name), "gone");
    see(1, "late");
    expect(track("late").presence).toBe("live");
    expect(history.find(health, { service: "s3" })).toBeUndefined();
    expect(track("s7").presence).toBe("gone");
    expect([...history.tracks()]).toHaveLength(maxStatusSeries);
    history.turn();
    expect(history.refused).toBe(0);
  });
});

describe("a wall clock that is set", () => {
  test("back a little: the time that is lived through again is forgotten, the rest stays", () => {
    const { clock, see, last, turn } = start();
    see(1);
    turn();
    see(0);
    turn();
    clock.setUnixMs(clock.unixMs() - statusSlotMs);
    see(1);
    expect(last(3)).toEqual([null, 1, 0]);
    turn();
    expect(last(3)).toEqual([1, 0, 1]);
  });

  test.each([-2 * dayMs, 2 * dayMs])("by %d ms: the history begins anew, and what is live is known", (byMs) => {
    const { clock, history, see, last, track } = start();
    see(1);
    clock.setUnixMs(clock.unixMs() + byMs);
    history.turn();
    expect(last(3)).toEqual([null, null, 1]);
    expect([...history.ordered(track())].filter((value) => !Number.isNaN(value))).toHaveLength(1);
  });
});

describe("what was kept", () => {
  function kept(history: History, more: Partial<Track> = {}): Track {
    const track = history.find(health, { service: "shop" })!;
    return { ...track, slots: history.ordered(track), ...more };
  }

  test("comes back with its slots where they were, and since when it has been so", () => {
    const before = start();
    before.see(0);
    before.turn();
    before.see(1);
    const clock = new ManualClock(before.clock.unixMs() + statusSlotMs);
    const after = new History(clock);
    after.restore(kept(before.history, { presence: "lost" }), before.history.newestSlot, before.history.knownSinceMs);
    const track = after.find(health, { service: "shop" })!;
    expect([...after.ordered(track).slice(-3)]).toEqual([0, 0, Number.NaN]);
    expect(after.knownSinceMs).toBe(before.history.knownSinceMs);
    after.see("endpoint", health, { service: "shop" }, 1);
    expect(track).toMatchObject({ presence: "live", sinceMs: before.track().sinceMs, sinceAtLeast: false });
    expect([...after.ordered(track).slice(-3)]).toEqual([0, 0, 1]);
  });

  test("does not take the place of what is known by now, of health the worst stays", () => {
    const before = start();
    before.see(0);
    const after = new History(new ManualClock(before.clock.unixMs() + 1000));
    after.see("endpoint", health, { service: "shop" }, 1);
    after.restore(kept(before.history), before.history.newestSlot, before.history.knownSinceMs);
    const track = after.find(health, { service: "shop" })!;
    expect(track).toMatchObject({ presence: "live", value: 1, sinceAtLeast: true });
    expect(after.ordered(track).at(-1)).toBe(0);
  });

  test("is left out where it is older than a day", () => {
    const before = start();
    before.see(0);
    const after = new History(new ManualClock(before.clock.unixMs() + dayMs));
    after.restore(kept(before.history), before.history.newestSlot, before.history.knownSinceMs);
    expect([...after.ordered(after.find(health, { service: "shop" })!)].every(Number.isNaN)).toBe(true);
  });
});
