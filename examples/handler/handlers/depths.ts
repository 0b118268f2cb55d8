/** Reads how many jobs wait in each queue: `{ "mail": 3, "video": 0 }`. */
export async function readDepths(
  url: string,
  token: string | undefined,
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const answer = await fetch(url, { headers, signal });
  if (!answer.ok) throw new Error(`${url} must answer 200: it answered ${answer.status}`);
  const depths: unknown = await answer.json();
  if (typeof depths !== "object" || depths === null) throw new Error(`${url} must answer with an object`);
  return new Map(Object.entries(depths).map(([queue, depth]) => [queue, Number(depth)]));
}
