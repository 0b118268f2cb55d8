/**
 * The value below which a share of observations lies, estimated from buckets as Prometheus' `histogram_quantile` does:
 * evenly spread within a bucket, the highest bound for what lies beyond it. Undefined when nothing was observed.
 *
 * @param buckets - observations by bucket, not cumulative, +Inf last
 */
export function quantile(share: number, bounds: readonly number[], buckets: ArrayLike<number>): number | undefined {
  let total = 0;
  for (let index = 0; index < buckets.length; index += 1) total += buckets[index]!;
  if (total === 0) return undefined;
  const rank = share * total;
  let below = 0;
  for (const [index, upper] of bounds.entries()) {
    const count = buckets[index]!;
    if (count > 0 && below + count >= rank) {
      const lower = index === 0 ? Math.min(0, upper) : bounds[index - 1]!;
      // Prometheus takes the first bucket to begin at 0, unless its bound lies below.
      if (index === 0 && upper <= 0) return upper;
      return lower + (upper - lower) * ((rank - below) / count);
    }
    below += count;
  }
  return bounds.at(-1);
}
