const UNITS: readonly (readonly [name: string, ms: number, most: number])[] = [
  ['second', 1_000, 59],
  ['minute', 60_000, 59],
  ['hour', 3_600_000, 23],
  ['day', 86_400_000, 30],
  ['month', 2_629_800_000, 11],
  ['year', 31_557_600_000, Number.POSITIVE_INFINITY],
];

/** A rounded duration for people: `3 hours`, `5 years`. */
export function formatDuration(ms: number): string {
  const counts = UNITS.map(([name, unitMs, most]) => ({ name, most, count: Math.round(Math.abs(ms) / unitMs) }));
  const { name, count } = counts.find((unit) => unit.count <= unit.most) ?? { name: 'year', count: 0 };
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
