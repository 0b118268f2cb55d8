import { describe, expect, test } from "bun:test";
import { NoAnswer } from "../../../src/handlers/aws/errors.ts";
import { type Page, readPages } from "../../../src/handlers/aws/pages.ts";
import { Secrets } from "../../../src/handlers/aws/secrets.ts";
import { readBody } from "../../../src/handlers/body.ts";
import { builtIns } from "../../../src/handlers/index.ts";
import { inLanes } from "../../../src/handlers/lanes.ts";
import { proxyFor } from "../../../src/handlers/outbound.ts";

describe("pages", () => {
  const pages = (all: readonly Page<number>[]) => {
    const tokens: (string | undefined)[] = [];
    const read = async (token: string | undefined) => {
      tokens.push(token);
      return all[tokens.length - 1] ?? { items: [], next: undefined };
    };
    return { read, tokens };
  };

  test.each([[undefined], [null], [""]])("end with the token %p", async (last) => {
    const { read, tokens } = pages([
      { items: [1, 2], next: "a" },
      { items: [], next: "b" },
      { items: [3], next: last },
      { items: [4], next: undefined },
    ]);
    expect(await readPages(read)).toEqual({ items: [1, 2, 3], failure: undefined });
    expect(tokens).toEqual([undefined, "a", "b"]);
  });

  test("end where it is enough", async () => {
    const { read, tokens } = pages([
      { items: [9, 8], next: "a" },
      { items: [7, 6], next: "b" },
      { items: [5], next: "c" },
    ]);
    expect(await readPages(read, ({ items }) => items.some((item) => item < 7))).toEqual({
      items: [9, 8, 7, 6],
      failure: undefined,
    });
    expect(tokens).toHaveLength(2);
  });

  test("fail when a token comes again, and keep what was read", async () => {
    const { read, tokens } = pages([
      { items: [1], next: "a" },
      { items: [2], next: "b" },
      { items: [3], next: "a" },
    ]);
    const { items, failure } = await readPages(read);
    expect(items).toEqual([1, 2, 3]);
    expect(failure?.message).toBe("page 3: AWS gave the token of a page for the second time");
    expect(tokens).toHaveLength(3);
  });

  test("fail beyond their limit", async () => {
    let asked = 0;
    const { items, failure } = await readPages(async () => ({ items: [1], next: String(++asked) }));
    expect(items).toHaveLength(100);
    expect(failure?.message).toBe("page 100: more than 100 pages");
    expect(asked).toBe(100);
  });

  test("fail with the page that fails, and keep its code and the pages before it", async () => {
    const { items, failure } = await readPages(async (token) => {
      if (token !== undefined) throw new NoAnswer("Throttling: Rate exceeded", "Throttling");
      return { items: [1], next: "a" };
    });
    expect(items).toEqual([1]);
    expect(failure?.message).toBe("page 2: Throttling: Rate exceeded");
    expect(failure?.code).toBe("Throttling");
  });

  test("do not hide a mistake of our own", async () => {
    const mistake = readPages(() => Promise.reject(new TypeError("undefined is not a function")));
    await expect(mistake).rejects.toThrow("undefined is not a function");
  });
});

describe("credentials", () => {
  const secrets = new Secrets({
    AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
    AWS_SECRET_ACCESS_KEY: "wJalr/XUtn+FEMI",
    AWS_SESSION_TOKEN: "",
    HTTPS_PROXY: "http://user:p%40ss@proxy:3128",
  });

  test.each([
    ["key AKIAIOSFODNN7EXAMPLE is unknown", "key [secret] is unknown"],
    ["ASIAIOSFODNN7EXAMPLE and ASIAIOSFODNN7OTHER12", "[secret] and [secret]"],
    ["secret wJalr/XUtn+FEMI twice wJalr/XUtn+FEMI", "secret [secret] twice [secret]"],
    ["proxy p%40ss or p@ss", "proxy [secret] or [secret]"],
    ["arn:aws:sts::123456789012:assumed-role/specta", "arn:aws:sts::123456789012:assumed-role/specta"],
  ])("are taken out of %p", (text, hidden) => {
    expect(secrets.hide(text)).toBe(hidden);
  });

  test("that a request carries are taken out of its answer", () => {
    expect(secrets.hide("token FwoGsentinel")).toBe("token FwoGsentinel");
    secrets.note(new Headers({ "x-amz-security-token": "FwoGsentinel" }));
    expect(secrets.hide("token FwoGsentinel")).toBe("token [secret]");
    secrets.note(new Headers());
    expect(secrets.hide("token FwoGsentinel")).toBe("token [secret]");
  });
});

describe("the proxy", () => {
  const of = (url: string, variables: Record<string, string>) => proxyFor(new URL(url), variables);

  test("is chosen by the URL's protocol, small letters first", () => {
    const variables = { HTTPS_PROXY: "http://a:1", HTTP_PROXY: "http://b:2", http_proxy: "c:3", https_proxy: "" };
    expect(of("https://ecs.us-west-2.amazonaws.com/", variables)).toBe("http://a:1/");
    expect(of("http://localhost:4566/", variables)).toBe("http://c:3/");
    expect(of("https://ecs.us-west-2.amazonaws.com/", {})).toBeUndefined();
  });

  test.each([
    ["*", false],
    ["amazonaws.com", false],
    [".amazonaws.com", false],
    ["*.amazonaws.com", false],
    ["other, ECS.us-west-2.amazonaws.com", false],
    ["amazonaws.com:443", false],
    ["amazonaws.com:8443", true],
    ["aws.com", true],
    ["ecs", true],
    ["", true],
  ])("is used with NO_PROXY %p: %p", (noProxy, isUsed) => {
    const variables = { HTTPS_PROXY: "http://a:1", NO_PROXY: noProxy };
    expect(of("https://ecs.us-west-2.amazonaws.com/", variables)).toBe(isUsed ? "http://a:1/" : undefined);
  });

  test.each(["http://", "socks5://user:sentinel@a:1", "http://user:sentinel@a:port"])(
    "must be an HTTP URL, not %p",
    (value) => {
      let message = "";
      try {
        of("https://a/", { HTTPS_PROXY: value });
      } catch (error) {
        message = String(error);
      }
      expect(message).toBe("Error: HTTPS_PROXY must be an http or https URL");
    },
  );
});

describe("a body", () => {
  test("is read up to its bound", async () => {
    const pieces = () =>
      new Response(
        new ReadableStream({
          start(controller) {
            for (const piece of ["ab", "cd", "e"]) controller.enqueue(new TextEncoder().encode(piece));
            controller.close();
          },
        }),
      );
    expect(new TextDecoder().decode(await readBody(pieces(), 5))).toBe("abcde");
    await expect(readBody(pieces(), 4)).rejects.toThrow("an answer must have at most 4B");
    expect(await readBody(new Response(null), 0)).toHaveLength(0);
  });
});

describe("lanes", () => {
  test("are as many as they may be, and keep the order", async () => {
    let running = 0;
    let most = 0;
    const results = await inLanes(3, [5, 1, 4, 2, 3], async (item) => {
      most = Math.max(most, ++running);
      for (let turn = 0; turn < item; turn += 1) await Promise.resolve();
      running -= 1;
      return item * 2;
    });
    expect(results).toEqual([10, 2, 8, 4, 6]);
    expect(most).toBe(3);
  });
});

describe("the thread of an AWS handler", () => {
  test.each(["container", "deployment", "keypair", "stack"])("of %s sees credentials of AWS and no others", (name) => {
    const variables = builtIns.find((builtIn) => builtIn.name === name)?.variables ?? [];
    expect(variables).toEqual([
      ...["AWS_*", "HOME", "PATH"],
      ...["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"],
      ...["NODE_EXTRA_CA_CERTS", "SSL_CERT_DIR", "SSL_CERT_FILE"],
    ]);
  });
});
