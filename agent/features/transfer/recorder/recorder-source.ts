import { PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import { resolvePath } from '../../../config/load/load.ts';
import type { CardRecording } from '../../../onvif/recordings/card-recordings.ts';
import { troubleOf } from '../../../onvif/soap/http/failures.ts';
import type { Coverage } from '../../../playback/coverage.ts';
import { parseRfc3339 } from '../../../playback/read/rfc3339.ts';
import { formatRecordPath } from '../../../record/file/record-path.ts';
import { diskOf, foreseeUses, recordingOf, recordingTo } from '../../../recordings/copy/forecast.ts';
import type {
  ImportForecast,
  StoredRecorder,
  StoredTransfer,
  TransferForecast,
  TransferSource,
} from '../../../recordings/copy/transfer-kind.ts';
import { FetchMark, UNWRITABLE_TEXT } from '../../../recordings/fetch-mark.ts';
import type { Host } from '../../contract.ts';
import { recorderText } from '../run/recorder-address.ts';
import type { RecorderRequest } from '../run/requests.ts';
import { type Channel, channelOf } from './channels.ts';
import { measureReplay } from './measure-replay.ts';
import { missingUs, PIECE_US, wantedOf } from './pieces.ts';
import { RecorderImport } from './recorder-import.ts';
import { type OpenRecorder, openRecorder } from './recorder-session.ts';

/** Channels that are measured; others are taken to be like them. */
const MAX_MEASURED = 4;
const USUAL_BYTES_PER_SECOND = 500_000;
const DAY_MS = 86_400_000;
const MAX_CHANNELS = 64;

type SourceHost = Pick<Host, 'clock' | 'config' | 'dataDir' | 'log' | 'recordings'>;

/** Recordings of ONVIF recorders, and of cameras with a card. */
export class RecorderSource implements TransferSource {
  readonly #host: SourceHost;
  readonly #mark: FetchMark;

  constructor(host: SourceHost) {
    this.#host = host;
    this.#mark = new FetchMark(host.dataDir, 'page', host);
  }

  async begin(request: RecorderRequest, signal: AbortSignal) {
    const { recorder, items } = request;
    const { channels, zoneMs } = await this.#open(recorder, rangeOf(request), signal);
    for (const { group } of items) {
      requireChannel(channels, group);
    }
    const { sinceUs, untilUs } = rangeOf(request);
    const { maxBytesPerSecond } = request;
    return {
      ...{ recorder, zoneMs, from: recorderText(recorder) },
      ...(sinceUs !== undefined && { sinceUs }),
      // What it records meanwhile is not imported.
      untilUs: untilUs ?? Math.round(this.#host.clock.wallMs() * 1_000),
      ...(maxBytesPerSecond !== undefined && { maxBytesPerSecond }),
    };
  }

  async look({ recorder }: Pick<RecorderRequest, 'recorder'>, signal: AbortSignal): Promise<ImportForecast> {
    const { channels, zoneMs, isCut } = await this.#open(recorder, {}, signal);
    const text = (ms: number) => (Number.isFinite(ms) ? new Date(ms - zoneMs).toISOString() : null);
    return {
      groups: channels.slice(0, MAX_CHANNELS).map(({ key, name, recordings }) => ({
        ...{ group: key, name, program: 'onvif' as const, files: recordings.length, bytes: 0 },
        first: text(Math.min(...recordings.map(({ fromMs = Number.NaN }) => fromMs))),
        last: text(Math.max(...recordings.map(({ untilMs = Number.NaN }) => untilMs))),
        days: daysOf(recordings),
      })),
      ...{ own: 0, leftOut: { count: 0, items: [] }, isCut: isCut || channels.length > MAX_CHANNELS, zoneMs },
    };
  }

  async forecast(request: RecorderRequest, signal: AbortSignal): Promise<TransferForecast> {
    const { clock, config } = this.#host;
    const opened = await this.#open(request.recorder, rangeOf(request), signal);
    const uses = new Map<string, { files: number; bytes: number; old: number }>();
    const measured: { bytesPerSecond: number; speed: number }[] = [];
    const all: {
      readonly group: string;
      readonly path: string | undefined;
      readonly us: number;
      readonly oldUs: number;
      readonly rate: number | undefined;
    }[] = [];
    for (const { group, path } of request.items) {
      const channel = requireChannel(opened.channels, group);
      const { recordDeleteAfterMs: keptMs } = recordingTo(config(), path);
      const limits = {
        ...{ ...rangeOf(request), zoneMs: opened.zoneMs },
        coverage: (from: number, to: number) => this.#coverage(path, from, to),
      };
      const oldestMs = keptMs > 0 ? clock.wallMs() - keptMs : 0;
      const us = missingUs(await wantedOf(channel, { ...limits, oldestMs }), Number.MAX_SAFE_INTEGER);
      const anyUs = missingUs(await wantedOf(channel, { ...limits, oldestMs: 0 }), Number.MAX_SAFE_INTEGER);
      const found =
        us > 0 && all.length < MAX_MEASURED ? await measureReplay(opened, channel, clock, signal) : undefined;
      measured.push(...(found ? [found] : []));
      all.push({ group, path, us, oldUs: anyUs - us, rate: found?.bytesPerSecond });
    }
    const meanRate = mean(measured.map(({ bytesPerSecond }) => bytesPerSecond)) ?? USUAL_BYTES_PER_SECOND;
    for (const { group, us: missedUs, oldUs: beforeUs, rate = meanRate, path } of all) {
      const us = Math.min(missedUs, (this.#limitRoom(path) / rate) * 1e6);
      const oldUs = beforeUs + missedUs - us;
      const bytes = Math.round((us / 1e6) * rate);
      uses.set(group, { files: Math.ceil(us / PIECE_US), bytes, old: Math.ceil(oldUs / PIECE_US) });
    }
    const sums = await foreseeUses(uses, request.items, config());
    const speed = Math.min(mean(measured.map((one) => one.speed)) ?? 0, request.maxBytesPerSecond || Number.MAX_VALUE);
    return {
      ...sums,
      seconds: Math.round(all.reduce((sum, { us }) => sum + us, 0) / 1e6),
      ...(speed > 0 && { remainingSeconds: Math.ceil(sums.bytes / speed) }),
    };
  }

  /** Bytes until the `recordMaxSize` of a path. */
  #limitRoom(path: string | undefined): number {
    const { config, recordings } = this.#host;
    const { recordMaxSizeBytes = 0 } = (path === undefined ? undefined : resolvePath(config(), path)?.settings) ?? {};
    return path === undefined || recordMaxSizeBytes <= 0
      ? Number.POSITIVE_INFINITY
      : Math.max(0, recordMaxSizeBytes - recordings.playback.space.bytesOf(path).ownBytes);
  }

  /** With all that a person has deleted of a path. */
  async #coverage(
    path: string | undefined,
    fromUs: number,
    toUs: number,
  ): Promise<Pick<Coverage, 'recorded' | 'deleted'>> {
    const { clock, recordings } = this.#host;
    if (path === undefined) {
      return { recorded: [], deleted: [] };
    }
    const { recorded, deleted } = await recordings.playback.coverage(path, fromUs, toUs);
    const times = await recordings.space.rangeDeletions.times.of(path, clock.wallMs());
    return { recorded, deleted: [...deleted, ...times] };
  }

  list(stored: Omit<StoredTransfer, 'version' | 'kind'>): RecorderImport {
    const { clock, config, recordings } = this.#host;
    const { recorder = {}, startedMs, sinceUs, untilUs } = stored;
    const { rangeDeletions } = recordings.space;
    return new RecorderImport(stored, {
      clock,
      playback: recordings.playback,
      open: (signal) => openRecorder(recorder, { clock, config, sinceUs, untilUs }, signal),
      settingsOf: (path) => recordingOf(config(), path),
      recorder: (path, settings) => recordings.recorders.fetcher(path, settings, 'recorder'),
      stopped: async (one) => recordings.recorders.fetched(one),
      room: async (recordPath) => {
        const away = recordings.space.refusal(formatRecordPath(recordPath, 'any', clock.wallMs()));
        if (away !== undefined) {
          throw new PerchError('unavailable', away, { why: 'away' });
        }
        const { freeBytes, keptFreeBytes } = await diskOf(recordPath, config());
        return freeBytes - keptFreeBytes;
      },
      whenRoom: 'it continues when there is room',
      busyMs: () => recordings.busyMs,
      limitRoom: (path) => this.#limitRoom(path),
      claim: (path) => this.#claim(path),
      release: (path) => this.#release(path),
      deleted: (path) => rangeDeletions.times.of(path, startedMs),
      onDeleted: (listener) => rangeDeletions.onDeleted(listener),
    });
  }

  /** Whether nothing else fetches for the path, in this process and others. @throws PerchError if that cannot be known */
  #claim(path: string): boolean {
    if (!this.#host.recordings.recorders.claim(path, 'import')) {
      return false;
    }
    const isFree = this.#mark.set(path);
    if (!isFree) {
      this.#host.recordings.recorders.release(path, 'import');
    }
    if (this.#mark.isUnwritable) {
      throw new PerchError('exhausted', UNWRITABLE_TEXT, { path });
    }
    return isFree;
  }

  #release(path: string): void {
    this.#mark.clear();
    this.#host.recordings.recorders.release(path, 'import');
  }

  /** A login that the recorder rejects is a wrong field of the request: the request itself had a right one. */
  async #open(
    recorder: StoredRecorder,
    range: Partial<ReturnType<typeof rangeOf>>,
    signal: AbortSignal,
  ): Promise<OpenRecorder> {
    const { clock, config } = this.#host;
    try {
      return await openRecorder(recorder, { ...range, clock, config, isInteractive: true }, signal);
    } catch (error) {
      rethrowUnexpected(error);
      const { code, message, context, cause } = error;
      const isField = code === 'unauthorized' || code === 'unsupported';
      // One word of it, for the page.
      throw new PerchError(isField ? 'badInput' : code, message, { why: troubleOf(error), ...context }, cause);
    }
  }
}

function requireChannel(channels: readonly Channel[], group: string): Channel {
  const found = channelOf(channels, group);
  if (!found) {
    throw new PerchError('notFound', `the recorder has no channel '${group.slice(0, 200)}': look again`, {
      why: 'channel',
    });
  }
  return found;
}

const mean = (all: readonly number[]): number | undefined =>
  all.length === 0 ? undefined : all.reduce((sum, one) => sum + one, 0) / all.length;

/** Days of UTC with recordings. */
function daysOf(recordings: readonly CardRecording[]): number {
  const days = new Set<number>();
  for (const { fromMs = 0, untilMs = 0 } of recordings) {
    for (
      let day = Math.floor(fromMs / DAY_MS);
      day <= Math.floor((untilMs - 1) / DAY_MS) && days.size < 10_000;
      day += 1
    ) {
      days.add(day);
    }
  }
  return days.size;
}

/** @throws PerchError badInput */
export function rangeOf({
  since,
  until,
}: {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}) {
  const [sinceUs, untilUs] = [since, until].map((text) => {
    const time = text === undefined ? undefined : parseRfc3339(text);
    if (text !== undefined && !time) {
      throw new PerchError('badInput', `'${text.slice(0, 40)}' is no time like 2026-01-31T18:00:00Z`);
    }
    return time?.us;
  });
  if (sinceUs !== undefined && untilUs !== undefined && sinceUs >= untilUs) {
    throw new PerchError('badInput', `since (${since}) is not before until (${until})`);
  }
  return { sinceUs, untilUs };
}
