import { maxAwsPages } from "../../base/limits.ts";
import { NoAnswer } from "./errors.ts";

export interface Page<Item> {
  readonly items: readonly Item[];
  /** The token of the next page; none, or an empty one, on the last. */
  readonly next: string | null | undefined;
}

/** What a listing gave. With a `failure` it is not whole; what was read before is right nevertheless. */
export interface Listing<Item> {
  readonly items: readonly Item[];
  readonly failure: NoAnswer | undefined;
}

/** Reads all pages of a listing, or as many as `enough` asks for. */
export async function readPages<Item>(
  read: (token: string | undefined) => Promise<Page<Item>>,
  enough: (page: Page<Item>) => boolean = () => false,
): Promise<Listing<Item>> {
  const items: Item[] = [];
  const tokens = new Set<string>();
  let token: string | undefined;
  for (let number = 1; ; number += 1) {
    try {
      const page = await read(token);
      items.push(...page.items);
      if (!page.next || enough(page)) return { items, failure: undefined };
      if (tokens.has(page.next)) throw new NoAnswer("AWS gave the token of a page for the second time");
      if (number === maxAwsPages) throw new NoAnswer(`more than ${maxAwsPages} pages`);
      token = page.next;
      tokens.add(token);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      return { items, failure: new NoAnswer(`page ${number}: ${error.message}`, error.code) };
    }
  }
}
