// What the tooltip says of an earlier period.

/** What stands behind is told by the names of its own steps: the tooltip's is the name of the step before it. */
export function named({ names, tooltip }) {
  const written = tooltip.valueFormatter;
  return { valueFormatter: (value, index) => (names[index] ? `${names[index]}: ${written(value)}` : written(value)) };
}
