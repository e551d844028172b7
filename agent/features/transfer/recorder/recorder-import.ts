import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import { fetchSource } from '../../../cameras/card/fetch-source.ts';
import type { CardGroup } from '../../../cameras/card/gap-recorder.ts';
import type { PathSettings } from '../../../config/schema/path.ts';
import type { UsRange } from '../../../playback/index/hidden-ranges.ts';
import type { Playback } from '../../../playback/playback.ts';
import type { Recorder } from '../../../record/recorder.ts';
import type { ImportPace } from '../../../recordings/copy/copy-file.ts';
import type { JobReport, StoredTransfer, TransferJob, TransferState } from '../../../recordings/copy/transfer-kind.ts';
import { LinkShare } from '../../../sources/rtsp/replay/link-share.ts';
import { ChannelRates } from './channel-rates.ts';
import { type Channel, channelOf } from './channels.ts';
import { missingUs, nextPiece, PIECE_US, type Wanted, wantedOf } from './pieces.ts';
import { type OpenRecorder, ofRecorder } from './recorder-session.ts';

/** A link of 100 Mbit/s. */
const USUAL_RATE = 12_000_000;
/** A disk that is slower cannot be recorded to. */
const MIN_RATE = 250_000;
/** While a recorder's write takes longer than this, nothing is read. */
const BUSY_MS = 200;
/** A piece at which the recorder stops sending, or breaks the connection, as often is left out. */
const MAX_FAILURES = 3;
const OTHER_FAULTS: ReadonlySet<string> = new Set(['exhausted', 'unauthorized', 'notFound']);
const CLAIM_MS = 1_000;
/** More recordings than a channel has that is not made of files. */
const MAX_TOKENS = 64;

export interface RecorderImportDeps {
  readonly clock: Clock;
  readonly playback: Pick<Playback, 'coverage' | 'video'>;
  open(signal: AbortSignal): Promise<OpenRecorder>;
  /** @throws PerchError if the path is not configured any more */
  settingsOf(path: string): PathSettings;
  /** For files that are marked as fetched. */
  recorder(path: string, settings: PathSettings): Recorder;
  /** A recorder of `recorder` has stopped: its files are complete. */
  stopped(recorder: Recorder): Promise<void>;
  /** Bytes that recordings of a path may still take. @throws PerchError if its disk is away */
  room(recordPath: string): Promise<number>;
  /** What a person reads of a full disk: that the import continues, or is to be repeated. */
  readonly whenRoom: string;
  /** Bytes that recordings of a path may still take until its `recordMaxSize`. */
  limitRoom(path: string): number;
  /** Whether this import fetches for a path, until `release`: others may do so just now. It is asked again each second. */
  claim(path: string): boolean;
  release(path: string): void;
  /** How long a recorder waits for a disk now. */
  busyMs(): number;
  /** What a person has deleted of a path. */
  deleted(path: string): Promise<readonly UsRange[]>;
  /** @param listener called when a person deletes recordings of a path @returns removes it */
  onDeleted?(listener: (path: string) => Promise<void>): () => void;
}

type Import = Pick<
  StoredTransfer,
  'recorder' | 'items' | 'sinceUs' | 'untilUs' | 'maxBytesPerSecond' | 'zoneMs' | 'memory'
>;

interface ImportMemory {
  /** By group: everything from this time on was asked for, Unix microseconds. */
  readonly askedUs?: Readonly<Record<string, number>>;
  /** By group: recordings of its channel when the import began, if they are few. */
  readonly tokens?: Readonly<Record<string, readonly string[]>>;
}

interface Item {
  readonly group: string;
  readonly path: string;
  readonly channel: Channel;
  /** Microseconds when the import began. */
  totalUs: number;
  leftUs: number;
}

interface Next {
  readonly item: Item;
  readonly piece: UsRange;
}

/**
 * Imports recordings of a recorder: pieces of half an hour, the newest first. What the paths have is left out, so that it continues where
 * it was interrupted.
 */
export class RecorderImport implements TransferJob {
  readonly #import: Import;
  readonly #deps: RecorderImportDeps;
  readonly #askedUs: Record<string, number>;
  readonly #tokens: Record<string, readonly string[]>;
  #items: readonly Item[] = [];
  #rate: number;
  #isSlowDisk = false;
  /** Of a camera of this Perch, whose live stream comes over the same link. */
  readonly #link: LinkShare | undefined;
  /** Groups that the recorder does not list any more. */
  readonly #gone = new Set<string>();
  /** By piece. */
  readonly #failures = new Map<string, number>();
  /** Groups that have the stream that their path records. */
  readonly #same = new Set<string>();
  /** Recordings whose video is not supported, by group. */
  readonly #unsupported = new Map<string, Set<string>>();
  readonly #rates: ChannelRates;

  constructor(stored: Import, deps: RecorderImportDeps) {
    this.#import = stored;
    this.#deps = deps;
    this.#rates = new ChannelRates(deps.clock);
    const { askedUs, tokens } = stored.memory as ImportMemory;
    this.#askedUs = { ...askedUs };
    this.#tokens = { ...tokens };
    this.#rate = stored.maxBytesPerSecond || USUAL_RATE;
    const isShared = stored.recorder?.camera !== undefined && !stored.maxBytesPerSecond;
    this.#link = isShared ? new LinkShare() : undefined;
  }

  get memory(): ImportMemory {
    return { askedUs: this.#askedUs, tokens: this.#tokens };
  }

  get channels(): TransferState['channels'] {
    return this.#items.map(({ path, channel, totalUs, leftUs }) => ({
      ...{ path, name: channel.name },
      doneSeconds: Math.round((totalUs - leftUs) / 1e6),
      totalSeconds: Math.round(totalUs / 1e6),
    }));
  }

  async run(report: JobReport, pace: ImportPace): Promise<void> {
    const { signal } = pace;
    const opened = await this.#deps.open(signal);
    this.#items = await this.#itemsOf(opened, report);
    await report.keep(this.memory);
    for (let next = await this.#next(); next; next = await this.#next()) {
      signal.throwIfAborted();
      this.#reportLeft(report);
      await pace.wait();
      const { path } = next.item;
      if (!this.#deps.claim(path)) {
        await this.#deps.clock.sleep(CLAIM_MS, signal);
        continue;
      }
      try {
        // Another one may have fetched it before this one had its turn.
        const piece = nextPiece(await this.#wanted(next.item), this.#beforeUs(next.item.group));
        if (piece) {
          await this.#take({ item: next.item, piece }, opened, report, signal);
        }
      } finally {
        this.#deps.release(path);
      }
      await report.keep(this.memory);
    }
    this.#reportLeft(report);
  }

  async discard(): Promise<void> {}

  async #itemsOf({ channels }: OpenRecorder, report: JobReport): Promise<Item[]> {
    const found: Item[] = [];
    for (const { group, path } of this.#import.items ?? []) {
      const channel = channelOf(channels, group, this.#tokens[group]);
      if (channel) {
        const tokens = channel.recordings.map(({ token }) => token);
        this.#tokens[group] ??= tokens.length > MAX_TOKENS ? [] : tokens;
        const before = this.#items.find((one) => one.group === group && one.path === path);
        const item = { group, path, channel, totalUs: 0, leftUs: 0 };
        const leftUs = missingUs(await this.#wanted(item), this.#beforeUs(group));
        found.push({ ...item, leftUs, totalUs: Math.max(leftUs, before?.totalUs ?? 0) });
      } else if (!this.#gone.has(group)) {
        this.#gone.add(group);
        const reason = 'the recorder does not list recordings of this channel any more';
        report.leftOut({ file: group.replace(/^\w+\|/, ''), why: 'unreadable', reason });
      }
    }
    return found;
  }

  #beforeUs(group: string): number {
    return this.#askedUs[group] ?? Number.MAX_SAFE_INTEGER;
  }

  #wanted({ path, group, channel }: Pick<Item, 'path' | 'group' | 'channel'>): Promise<Wanted> {
    const { settingsOf, playback, clock } = this.#deps;
    const { recordDeleteAfterMs } = settingsOf(path);
    const coverage = async (fromUs: number, toUs: number) => {
      const { recorded, deleted } = await playback.coverage(path, fromUs, toUs);
      return { recorded, deleted: [...deleted, ...(await this.#deps.deleted(path))] };
    };
    const oldestMs = recordDeleteAfterMs > 0 ? clock.wallMs() - recordDeleteAfterMs : 0;
    const none = this.#unsupported.get(group);
    const recordings = channel.recordings.filter(({ token }) => !none?.has(token));
    return wantedOf({ recordings }, { ...this.#import, oldestMs, coverage });
  }

  /** The newest piece of all channels. */
  async #next(): Promise<Next | undefined> {
    let newest: Next | undefined;
    for (const item of this.#items) {
      const [wanted, beforeUs] = [await this.#wanted(item), this.#beforeUs(item.group)];
      const piece = nextPiece(wanted, beforeUs);
      item.leftUs = missingUs(wanted, beforeUs);
      newest = piece && piece.startUs > (newest?.piece.startUs ?? Number.NEGATIVE_INFINITY) ? { item, piece } : newest;
    }
    return newest;
  }

  /** @param pieceBytes what has come of the present piece */
  #reportLeft(report: JobReport, pieceBytes = 0): void {
    const leftUs = this.#items.reduce((sum, one) => sum + one.leftUs, 0);
    const leftBytes = this.#items.reduce((sum, one) => sum + (one.leftUs / 1e6) * this.#rates.of(one.group), 0);
    const files = Math.ceil(leftUs / PIECE_US);
    report.left(pieceBytes > 0 ? Math.max(1, files) : files, pieceBytes + Math.round(leftBytes));
  }

  /** Fetches a piece. What came of it before an error is recorded. */
  async #take({ item, piece }: Next, opened: OpenRecorder, report: JobReport, signal: AbortSignal): Promise<void> {
    const { path, channel, group } = item;
    const [from, until] = [piece.startUs, piece.endUs].map((us) => new Date(us / 1_000).toISOString());
    const name = `${channel.name} from ${from} until ${until}`;
    const seconds = (piece.endUs - piece.startUs) / 1e6;
    const room = Math.min(this.#deps.limitRoom(path), await this.#room(path));
    const expected = await this.#rates.expected({ group, channel, seconds }, room, opened, signal);
    this.#reportLeft(report);
    if (this.#deps.limitRoom(path) < expected) {
      const reason = 'recordMaxSize of the path is reached: what is older would be deleted at once';
      report.leftOut({ file: `${channel.name} until ${until}`, why: 'old', reason });
      this.#askedUs[group] = 0;
      return;
    }
    await this.#requireRoom(path, expected);
    report.begin(name);
    let bytes = 0;
    const onGroup = (one: CardGroup) => {
      const { startMs, endMs } = one;
      const sum = bytesOf(one);
      bytes += sum;
      this.#rates.add(group, sum, (endMs - startMs) / 1_000);
      item.leftUs = Math.max(0, item.leftUs - 1_000 * (endMs - startMs));
      report.bytes(sum);
      this.#reportLeft(report, bytes);
    };
    try {
      const { tooLarge, isDoubted } = await this.#fetch(item, piece, { opened, onGroup }, signal);
      if (isDoubted) {
        const reason = 'the clock of the recorder was set around it: what it has of that time is not certain';
        report.leftOut({ file: name, why: 'clockSet', reason });
      }
      if (tooLarge > 0) {
        const reason = `${tooLarge} groups of pictures are larger than 32 MB: give the camera a shorter key frame interval`;
        report.leftOut({ file: name, why: 'tooLarge', reason });
      }
    } catch (cause) {
      // It is recorded.
      if (bytes > 0) {
        report.done(bytes);
      }
      signal.throwIfAborted();
      const error = ofRecorder(cause, opened.session.host);
      const outcome = this.#outcomeOf(error, `${group} ${piece.startUs}`, bytes > 0);
      if (outcome === 'again') {
        return;
      }
      report.leftOut({ file: name, why: 'unreadable', reason: explain(error) });
      if (outcome === 'none') {
        const tokens = this.#within(channel, piece).map(({ token }) => token);
        this.#unsupported.set(group, new Set([...(this.#unsupported.get(group) ?? []), ...tokens]));
      } else {
        this.#askedUs[group] = piece.startUs;
      }
      return;
    }
    this.#askedUs[group] = piece.startUs;
    report.done(bytes);
  }

  /** What an error means for its piece. @throws the error, if nothing can be fetched now */
  #outcomeOf(error: unknown, key: string, hasCome: boolean): 'again' | 'leave' | 'none' {
    if (this.#isSlowDisk && this.#rate > MIN_RATE) {
      this.#rate /= 2;
      return 'again';
    }
    rethrowUnexpected(error);
    if (error.context['isPause'] === true) {
      return 'again';
    }
    if (error.code === 'unsupported') {
      return 'none';
    }
    // The recorder has answered before: a disk, a login or a path is not what this piece lacks.
    const isOfPiece = !hasCome && !OTHER_FAULTS.has(error.code) && error.context['why'] === undefined;
    const failures = isOfPiece ? (this.#failures.get(key) ?? 0) + 1 : 0;
    this.#failures.set(key, failures);
    if (failures < MAX_FAILURES) {
      throw error;
    }
    return 'leave';
  }

  #within({ recordings }: Channel, { startUs, endUs }: UsRange): Channel['recordings'] {
    const { zoneMs = 0 } = this.#import;
    return recordings.filter(
      ({ fromMs = 0, untilMs = 0 }) => (fromMs - zoneMs) * 1_000 < endUs && (untilMs - zoneMs) * 1_000 > startUs,
    );
  }

  async #fetch(
    { path, channel, group }: Item,
    piece: UsRange,
    { opened, onGroup }: { readonly opened: OpenRecorder; readonly onGroup: (group: CardGroup) => void },
    signal: AbortSignal,
  ): ReturnType<typeof fetchSource> {
    const { clock, playback, busyMs, recorder, settingsOf, stopped } = this.#deps;
    const { session, camera, fingerprint } = opened;
    const { zoneMs = 0 } = this.#import;
    const settings = settingsOf(path);
    const recorders = new Set<Recorder>();
    const full = new AbortController();
    const ended = Promise.withResolvers<void>();
    const forget = this.#deps.onDeleted?.(async (deletedPath) => {
      if (deletedPath === path) {
        full.abort(new PerchError('unavailable', 'recordings are deleted', { isPause: true }));
        await ended.promise;
      }
    });
    let [isChecking, comeBytes] = [false, 0];
    const endWatch = clock.eachSecond(() => {
      if (!isChecking) {
        isChecking = true;
        // As much comes until the next check.
        const secondBytes = comeBytes;
        comeBytes = 0;
        void this.#requireTurn(path, secondBytes)
          .catch((error: unknown) => full.abort(error))
          .finally(() => {
            isChecking = false;
          });
      }
    });
    const recordings = this.#within(channel, piece);
    const pair = `${group} ${path}`;
    try {
      return await withJoinedSignal([signal, full.signal], undefined, (joined) =>
        fetchSource(
          {
            ...{ path, session, gap: piece, playback, clock, hasSound: settings.audio, fingerprint, camera },
            onGroup: (one) => {
              comeBytes += bytesOf(one);
              onGroup(one);
            },
            recorder: () => {
              const made = recorder(path, settings);
              recorders.add(made);
              return made;
            },
            // A recorder that records now comes first.
            maxBytesPerSecond: () =>
              busyMs() > BUSY_MS ? 1 : Math.min(this.#rate, this.#link?.maxBytesPerSecond ?? this.#rate),
            ...(this.#link && { link: this.#link }),
            ...{ hasSameStream: this.#same.has(pair), onEqual: () => void this.#same.add(pair) },
          },
          recordings,
          zoneMs,
          false,
          joined.signal,
        ),
      );
    } finally {
      endWatch();
      forget?.();
      this.#isSlowDisk = [...recorders].some(({ dropped }) => dropped['slow disk'] > 0);
      try {
        for (const one of recorders) {
          await stopped(one);
        }
      } finally {
        ended.resolve();
      }
    }
  }

  /** @throws PerchError if another one fetches for the path, or its disk is full */
  async #requireTurn(path: string, bytes: number): Promise<void> {
    if (!this.#deps.claim(path)) {
      throw new PerchError('unavailable', 'another import into the path runs', { isPause: true });
    }
    await this.#requireRoom(path, bytes);
  }

  #room(path: string): Promise<number> {
    const { room, settingsOf } = this.#deps;
    return room(settingsOf(path).recordPath);
  }

  /** @throws PerchError if the disk has no room for this */
  async #requireRoom(path: string, bytes: number): Promise<void> {
    if ((await this.#room(path)) < bytes) {
      const text = `no room for recordings of ${path}: recordMinFree keeps the rest of the disk free; ${this.#deps.whenRoom}`;
      throw new PerchError('exhausted', text, { why: 'full' });
    }
  }
}

const bytesOf = ({ units }: CardGroup): number => units.reduce((sum, { data }) => sum + data.length, 0);
