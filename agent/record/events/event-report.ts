import type { CameraEvent } from './event.ts';

const timeText = (us: number): string => new Date(us / 1000).toISOString();

/** An event of a camera as other programs get it: in the API's stream of events, and on the bus of a fleet. Times are RFC 3339. */
export function eventReport({ id, path, type, startUs, endUs, text, source, area, labels, zones }: CameraEvent) {
  const peak = area?.at === undefined ? undefined : timeText(area.at);
  return {
    ...{ id, path, type, text, source },
    start: timeText(startUs),
    end: endUs === undefined ? null : timeText(endUs),
    area: area && { ...area, at: peak },
    labels: labels?.map(({ box, at, ...label }) => ({ ...label, box: { ...box }, at: timeText(at) })) ?? null,
    zones: zones ?? null,
  };
}
