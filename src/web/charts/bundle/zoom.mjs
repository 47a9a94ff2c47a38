// Where a zoomed stretch of a chart lies after its window has moved on.

/**
 * First and last index among the labels `after`, given those among `before`. The whole stays the whole; what touched the
 * right edge follows it; anything else stays at its labels, as far as they are still there.
 */
export function stretch(before, after, from, to) {
  const [end, last] = [before.length - 1, after.length - 1];
  if (end < 0 || (from <= 0 && to >= end)) return [0, last];
  if (to >= end) return [Math.max(0, last - (end - from)), last];
  const first = after.indexOf(before[from]);
  const final = after.indexOf(before[to]);
  // What has left the window on the left has taken its stretch, or a part of it, along.
  return final < 0 ? [0, Math.min(last, to - from)] : [Math.max(0, first), final];
}
