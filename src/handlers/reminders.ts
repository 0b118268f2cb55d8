import { reminderMs } from "../base/limits.ts";

/** Decides when what lasts is logged: when it first appears, and once an hour while it is there. */
export class Reminders<Event> {
  readonly #now: () => number;
  /** When each was logged last, Unix milliseconds, by its key. */
  readonly #loggedMs = new Map<string, number>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Those of all events of one execution, by their keys, that are to be logged now. */
  due(events: ReadonlyMap<string, Event>): Event[] {
    const now = this.#now();
    for (const [key, loggedMs] of this.#loggedMs) if (now - loggedMs >= reminderMs) this.#loggedMs.delete(key);
    const due: Event[] = [];
    for (const [key, event] of events) {
      if (this.#loggedMs.has(key)) continue;
      this.#loggedMs.set(key, now);
      due.push(event);
    }
    return due;
  }
}
