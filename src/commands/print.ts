import { messageOf } from "../base/errors.ts";

/** stdout cannot be written: its disk is full, or its reader is gone. */
export class Unwritable extends Error {
  override readonly name = "Unwritable";
  /** The reader has what it wanted, as `head` has, and needs no complaint. */
  readonly isUnread: boolean;

  constructor(cause: unknown) {
    super(`stdout must take what is printed: ${messageOf(cause)}`, { cause });
    this.isUnread = cause instanceof Error && "code" in cause && cause.code === "EPIPE";
  }
}

/**
 * Prints what a command is for, and waits until it is written.
 *
 * @throws {Unwritable} when it cannot be
 */
export async function print(text: string): Promise<void> {
  try {
    await Bun.write(Bun.stdout, text);
  } catch (thrown) {
    throw new Unwritable(thrown);
  }
}
