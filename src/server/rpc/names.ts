/** Names that are known ahead, found by their bytes: no text is made of what is only compared. */

interface Name<T> {
  readonly bytes: Uint8Array;
  readonly value: T;
}

export class Names<T> {
  readonly #byHash = new Map<number, Name<T>[]>();
  /** The one that was found last, for the next is often the same. */
  #last: Name<T> | undefined;

  constructor(names: Iterable<readonly [name: string, value: T]>) {
    const encoder = new TextEncoder();
    for (const [name, value] of names) {
      const bytes = encoder.encode(name);
      const hash = hashOf(bytes, 0, bytes.length);
      this.#byHash.set(hash, [...(this.#byHash.get(hash) ?? []), { bytes, value }]);
    }
  }

  /** The value of the name that stands at `start` and ends before `end`. */
  find(bytes: Uint8Array, start: number, end: number): T | undefined {
    const last = this.#last;
    if (last !== undefined && end - start === last.bytes.length && isAt(last.bytes, bytes, start)) return last.value;
    for (const name of this.#byHash.get(hashOf(bytes, start, end)) ?? []) {
      if (end - start !== name.bytes.length || !isAt(name.bytes, bytes, start)) continue;
      this.#last = name;
      return name.value;
    }
    return undefined;
  }
}

function isAt(name: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let index = 0; index < name.length; index += 1) {
    if (bytes[start + index] !== name[index]) return false;
  }
  return true;
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash;
}
