import type { XmlElement } from '@rgrove/parse-xml';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { zoneOf } from '../../../cameras/card/fetch-source.ts';
import { linkOfPath, openOnvifSession } from '../../../cameras/onvif/onvif-link.ts';
import { type Config, resolvePath } from '../../../config/load/load.ts';
import type { CameraBlock } from '../../../config/schema/path.ts';
import { CLOCK_TOLERANCE_MS } from '../../../onvif/control/camera-clock.ts';
import { type OnvifSession, openSession } from '../../../onvif/device/onvif-session.ts';
import type { CardRecording } from '../../../onvif/recordings/card-recordings.ts';
import { findRecordings, hasReplay, readCardSummary } from '../../../onvif/recordings/card-services.ts';
import { cameraError, isTrouble, unlessFault } from '../../../onvif/soap/http/failures.ts';
import { find, findNumber, findText } from '../../../onvif/soap/xml/xml.ts';
import type { StoredRecorder } from '../../../recordings/copy/transfer-kind.ts';
import { recorderLogin } from '../run/recorder-address.ts';
import { type Channel, channelsOf } from './channels.ts';

const HOUR_MS = 3_600_000;
/** Offset of POSIX TZ, west of Greenwich: `CST-8`, `<+0330>-3:30`, `EST5EDT,M3.2.0,M11.1.0`. The name of summer time follows. */
const POSIX_TZ = /^(?:[a-z]{3,10}|<[a-z\d+-]{3,10}>)([+-]?)(\d{1,2})(?::(\d{2}))?(?::\d{2})?([a-z<].*)?$/i;
/** The two times of a reply are one moment, in whole seconds. */
const TOLERANCE_MS = 2_000;
const QUARTER_HOUR_MS = 15 * 60_000;
/** What records has recorded more after this. */
const AGAIN_MS = 3_000;

/** A recorder, or a camera with a card, that answers. */
export interface OpenRecorder {
  readonly session: OnvifSession;
  /** The login of its replays counts together with that of ONVIF. */
  readonly camera: CameraBlock;
  readonly fingerprint: string;
  readonly channels: readonly Channel[];
  /** How far the times of its recordings are from ours: some state local time, and the clock of a camera here is known. */
  readonly zoneMs: number;
  /** It has older recordings, too. */
  readonly isCut: boolean;
}

interface RecorderDeps {
  /** Only recordings around this period are listed, Unix microseconds. */
  readonly sinceUs?: number | undefined;
  readonly untilUs?: number | undefined;
  readonly clock: Clock;
  readonly config: () => Config;
  /** A person has just entered the login. */
  readonly isInteractive?: boolean;
}

/** Dials only the host that is named. @throws PerchError, for a person */
export async function openRecorder(
  recorder: StoredRecorder,
  deps: RecorderDeps,
  signal: AbortSignal,
): Promise<OpenRecorder> {
  try {
    return await open(recorder, deps, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw ofRecorder(error, hostOf(recorder, deps.config()));
  }
}

/** An error that says which recorder has it. A disk has none. */
export function ofRecorder(error: unknown, host: string): unknown {
  if (!(error instanceof PerchError)) {
    return error;
  }
  const { code, message, context, cause } = error;
  const isOfDisk = code === 'exhausted' && context['status'] === undefined;
  const isOurs =
    isOfDisk || context['isPause'] === true || (context['why'] !== undefined && context['why'] !== 'noRecordings');
  return isOurs || message.includes(host)
    ? error
    : new PerchError(code, `recorder ${host}: ${message}`, context, cause);
}

const hostOf = ({ camera, address = '' }: StoredRecorder, config: Config): string =>
  camera === undefined
    ? recorderLogin(address).host
    : (linkOfPath(config, camera)?.url.replace(/^\w+:\/\/([^/]+).*$/, '$1') ?? camera);

async function open(
  recorder: StoredRecorder,
  { clock, config, isInteractive = false, sinceUs, untilUs }: RecorderDeps,
  signal: AbortSignal,
): Promise<OpenRecorder> {
  const { session, camera, fingerprint } = await login(recorder, { clock, config, isInteractive }, signal);
  if (!hasReplay(session)) {
    if (!session.areServicesKnown) {
      throw cameraError('timeout', 'it did not say in time which services it has', { host: session.host });
    }
    const text = 'it does not offer its recordings: that needs ONVIF Profile G (Search and Replay)';
    throw new PerchError('badInput', text, { why: 'noRecordings' });
  }
  const msOf = (us: number | undefined) => (us === undefined ? undefined : us / 1_000 + session.skewMs);
  const period = { fromMs: msOf(sinceUs), untilMs: msOf(untilUs) };
  const listing = await findRecordings(session, clock, signal, period).catch((error: unknown) => {
    throw isTrouble(error, 'noRights') ? recordingsRefused(session.host, error) : error;
  });
  const { recordings: found, isCut } = listing;
  const recordings = await withTimes(found, session, clock);
  const zoneMs = await certainZone(recordings, session, clock, signal);
  const isOff = recorder.camera !== undefined && Math.abs(session.skewMs) > CLOCK_TOLERANCE_MS;
  const differenceMs = zoneMs + (isOff ? session.skewMs : 0);
  return { session, camera, fingerprint, channels: channelsOf(recordings), zoneMs: differenceMs, isCut };
}

const recordingsRefused = (host: string, cause: unknown): PerchError =>
  cameraError('noRights', 'this user may not fetch recordings: give it the right to play them', { host }, cause);

/** A zone that both the recordings and the clock of the recorder have: one that records on motion may have recorded nothing for hours. */
async function certainZone(
  recordings: readonly CardRecording[],
  session: OnvifSession,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  const zoneMs = zoneOf(recordings, clock.wallMs() + session.skewMs);
  if (zoneMs === 0 || !(await readZones(session)).includes(zoneMs)) {
    return 0;
  }
  if (zoneMs > 0) {
    return zoneMs;
  }
  await clock.sleep(AGAIN_MS, signal);
  signal.throwIfAborted();
  const { recordings: again } = await findRecordings(session, clock, signal, {
    fromMs: clock.wallMs() + session.skewMs,
  });
  return latestMs(again) > latestMs(recordings) ? zoneMs : 0;
}

const latestMs = (recordings: readonly CardRecording[]): number =>
  recordings.reduce(
    (latest, { isRecording, untilMs = 0 }) => (isRecording ? Math.max(latest, untilMs) : latest),
    Number.NEGATIVE_INFINITY,
  );

async function login(
  recorder: StoredRecorder,
  { clock, config, isInteractive }: Required<Pick<RecorderDeps, 'clock' | 'config' | 'isInteractive'>>,
  signal: AbortSignal,
): Promise<Pick<OpenRecorder, 'session' | 'camera' | 'fingerprint'>> {
  if (recorder.camera !== undefined) {
    const link = linkOfPath(config(), recorder.camera);
    if (!link) {
      const text = `camera '${recorder.camera.slice(0, 240)}' has no ONVIF, or is off: give the address and the login`;
      throw new PerchError('badInput', text, { why: 'address' });
    }
    const fingerprint = resolvePath(config(), recorder.camera)?.settings?.sourceFingerprint ?? '';
    const session = await openOnvifSession(link, clock, signal, isInteractive);
    return { session, camera: link.settings, fingerprint };
  }
  const { url, user, password } = { ...recorderLogin(recorder.address ?? ''), ...ofFields(recorder) };
  const session = await openSession({ url, user, password, isInteractive, signal, clock });
  return { session, camera: { onvif: url, user, password } as CameraBlock, fingerprint: '' };
}

const ofFields = ({ user, password = '' }: StoredRecorder) => (user === undefined ? {} : { user, password });

/** Recordings without times have those of all of them. */
async function withTimes(
  recordings: readonly CardRecording[],
  session: OnvifSession,
  clock: Clock,
): Promise<readonly CardRecording[]> {
  const isStated = ({ fromMs, untilMs }: CardRecording) =>
    fromMs !== undefined && untilMs !== undefined && untilMs > fromMs;
  if (recordings.every(isStated)) {
    return recordings;
  }
  const all = await unlessFault(readCardSummary(session));
  return recordings.flatMap((one) => {
    const fromMs = one.fromMs ?? all?.fromMs;
    const stated = one.untilMs !== undefined && one.untilMs > (fromMs ?? 0) ? one.untilMs : undefined;
    const untilMs = stated ?? all?.untilMs ?? clock.wallMs() + session.skewMs;
    return fromMs === undefined || untilMs <= fromMs ? [] : [{ ...one, fromMs, untilMs }];
  });
}

/** How far local time of the device is from UTC, by its clock. Several: the time zone is stated, and not whether it is summer there. */
async function readZones(session: OnvifSession): Promise<readonly number[]> {
  const call = session.call('device', '<tds:GetSystemDateAndTime/>', 'GetSystemDateAndTimeResponse');
  return zonesOf(await unlessFault(call));
}

/** @param response GetSystemDateAndTimeResponse, ONVIF Core §8.3.2 */
export function zonesOf(response: XmlElement | undefined): readonly number[] {
  const now = find(response, 'SystemDateAndTime');
  const aheadMs = momentOf(find(now, 'LocalDateTime')) - momentOf(find(now, 'UTCDateTime'));
  const zoneMs = Math.round(aheadMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
  if (Math.abs(aheadMs - zoneMs) <= TOLERANCE_MS) {
    return Math.abs(zoneMs) <= 15 * HOUR_MS ? [zoneMs] : [];
  }
  return offsetsOf(findText(now, 'TimeZone', 'TZ') ?? '');
}

/** @param text POSIX TZ @returns milliseconds ahead of UTC, without and with summer time, if it has one; none: not understood */
export function offsetsOf(text: string): readonly number[] {
  const [, sign, hours, minutes = '0', summer] = POSIX_TZ.exec(text.slice(0, 200)) ?? [];
  if (hours === undefined || Number(hours) > 15 || Number(minutes) > 59) {
    return [];
  }
  const westMs = Number(hours) * HOUR_MS + Number(minutes) * 60_000;
  const zoneMs = sign === '-' ? westMs : 0 - westMs;
  return summer === undefined ? [zoneMs] : [zoneMs, zoneMs + HOUR_MS];
}

function momentOf(element: XmlElement | undefined): number {
  const part = (...names: string[]) => findNumber(element, ...names) ?? Number.NaN;
  const [year, month, day] = [part('Date', 'Year'), part('Date', 'Month') - 1, part('Date', 'Day')];
  return Date.UTC(year, month, day, part('Time', 'Hour'), part('Time', 'Minute'), part('Time', 'Second'));
}
