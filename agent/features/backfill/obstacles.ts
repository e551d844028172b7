import { SERVER_USER } from '../../auth/pairing/paired-servers.ts';
import { SUB_SUFFIX } from '../../cameras/adoption/plan.ts';
import { linkOf } from '../../cameras/onvif/onvif-link.ts';
import { resolvePath } from '../../config/load/load.ts';
import { pathSettingsIn } from '../../config/schema/feature-keys.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { isWithinHours } from '../../config/values/hours.ts';
import { tableOf } from '../../http/api/streams/audience.ts';
import type { PathStatus } from '../../paths/path-status.ts';
import { toLocalTime } from '../../record/file/time-zone.ts';
import type { FetchMark } from '../../recordings/fetch-mark.ts';
import type { Host } from '../contract.ts';
import { BACKFILL } from './keys.ts';

/** Readers that are people. Recorders and other programs read by RTSP for weeks. */
const PEOPLE: ReadonlySet<string> = new Set(['webRTCSession', 'hlsSession']);
/** A box that reads for longer records, or shows the camera on a wall. */
const WATCHED_MS = 3_600_000;

/** Why nothing is fetched from a card now. */
export const OBSTACLES = {
  notRecorded: 'the camera is not recorded',
  off: 'backfill: no',
  notBack: 'the camera is not back for long enough',
  watched: 'someone watches the camera',
  clock: 'the clock is not set',
  import: 'recordings of the path are being imported',
  hours: 'outside of backfillHours',
} as const;
export type Obstacle = keyof typeof OBSTACLES;

type ObstacleHost = Pick<Host, 'clock' | 'config' | 'recordings' | 'paths' | 'sessions'>;

/**
 * @param mark says who else fetches for the path @param stableMs how long a camera has to be back
 * @param isAsked a person has asked for it: neither viewers nor `backfillHours` prevent it
 */
export function obstacleTo(
  path: string,
  host: ObstacleHost,
  { mark, stableMs, isAsked }: { mark: Pick<FetchMark, 'otherOf'>; stableMs: number; isAsked: boolean },
): Obstacle | undefined {
  const { config, clock, recordings, paths } = host;
  const settings = resolvePath(config(), path)?.settings;
  const status = paths.find(path);
  if (!settings || settings.record === 'no' || !linkOf(settings)) {
    return 'notRecorded';
  }
  const { backfill, backfillHours } = pathSettingsIn(settings, BACKFILL);
  if (!backfill) {
    return 'off';
  }
  const readyMs = Date.parse(status?.readyTime ?? '');
  if (!isRecorded(status, settings) || !(clock.wallMs() - readyMs >= stableMs)) {
    return 'notBack';
  }
  if (!isAsked && [path, `${path}${SUB_SUFFIX}`].some((one) => isWatched(one, host))) {
    return 'watched';
  }
  if (recordings.recorders.claimantOf(path) === 'import' || mark.otherOf(path) !== undefined) {
    return 'import';
  }
  if (!recordings.isClockTrusted) {
    return 'clock';
  }
  const { hour, minute } = toLocalTime(clock.wallMs(), config().timetableZone || undefined);
  return isAsked || backfillHours === '' || isWithinHours(backfillHours, 60 * hour + minute) ? undefined : 'hours';
}

/** Whether the box records a path, or would if something moved there. */
export const isRecorded = (status: PathStatus | undefined, settings: PathSettings | undefined): boolean =>
  status?.ready === true &&
  (settings?.record === 'motion' ? status.recording?.error === null : status.recording?.active === true);

/** By people, on this box or another one. */
function isWatched(path: string, { paths, sessions, clock }: ObstacleHost): boolean {
  const readers = paths.find(path)?.readers ?? [];
  return readers.some(({ type, id }) => {
    if (PEOPLE.has(type)) {
      return true;
    }
    const item = tableOf(type, sessions)
      ?.list()
      .find((one) => one.id === id);
    return item?.user?.startsWith(SERVER_USER) === true && clock.wallMs() - Date.parse(item.created) < WATCHED_MS;
  });
}

interface ModeEffect {
  readonly privacy?: boolean;
  readonly record?: string;
}

/** Whether a mode makes the camera private, or records less: by the settings `modes` of the path. */
export function changesWithModes(settings: PathSettings | undefined): boolean {
  const { modes = {}, record } = { ...settings } as {
    readonly modes?: Record<string, ModeEffect | undefined>;
    readonly record?: string;
  };
  return Object.values(modes).some(
    (one) => one?.privacy === true || (one?.record !== undefined && one.record !== 'always' && one.record !== record),
  );
}
