import { eventKindsOf } from '../../base/event-kinds.ts';
import { isWithinHours } from '../../config/values/hours.ts';
import type { Mode } from '../../config/values/modes.ts';
import type { CameraEvent } from '../../record/events/event.ts';
import { inZones, mayBeIn } from '../../record/events/event-zones.ts';
import { toLocalTime } from '../../record/file/time-zone.ts';
import type { Host } from '../contract.ts';
import type { When } from './keys.ts';

interface ConditionsHost extends Pick<Host, 'settings' | 'mode'> {
  readonly clock: Pick<Host['clock'], 'wallMs'>;
  readonly recordings: Pick<Host['recordings'], 'isClockTrusted'>;
}

/** The box at a moment. */
interface Moment {
  /** Undefined: this product has no modes. */
  readonly mode: Mode | undefined;
  /** Since midnight, local time; undefined: the box does not know the time. */
  readonly minute: number | undefined;
}

/** The present moment. */
export function momentOf(host: ConditionsHost): Moment {
  const { clock, recordings, settings } = host;
  const mode = host.mode();
  if (!recordings.isClockTrusted) {
    return { mode, minute: undefined };
  }
  const { hour, minute } = toLocalTime(clock.wallMs(), settings().timetableZone || undefined);
  return { mode, minute: 60 * hour + minute };
}

/** Whether the event is one of the rule: its kind, or that of an object in its pictures, at this camera, in this zone. */
export function concerns(
  { event: kind, path, zone }: When,
  event: CameraEvent,
  places: Pick<Host, 'zones' | 'zonesAt'>,
): boolean {
  // Faults of the box itself are no events of a camera.
  if (event.path !== path || event.source === 'perch' || !eventKindsOf(event).includes(kind)) {
    return false;
  }
  if (zone === undefined || event.zones?.includes(zone) !== true) {
    return zone === undefined;
  }
  // Other objects of the event, or what moves, may be what is in the zone. The box of another camera says where they are.
  const objects = (event.labels ?? []).filter(({ type }) => type === kind);
  const isKnown = places.zones(path).includes(zone);
  const located = isKnown ? inZones(objects, (x, y) => places.zonesAt(path, x, y)) : objects;
  return located.length === 0 || located.some((label) => mayBeIn(label, zone));
}

/** Why the rule does not run now, or undefined if it may. */
export function obstacle(
  { modes, hours = '' }: When,
  { mode, minute }: Moment,
): 'mode' | 'hours' | 'noTime' | undefined {
  if (modes !== undefined && (mode === undefined || !modes.includes(mode))) {
    return 'mode';
  }
  if (hours === '') {
    return undefined;
  }
  if (minute === undefined) {
    return 'noTime';
  }
  return isWithinHours(hours, minute) ? undefined : 'hours';
}
