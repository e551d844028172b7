import { readdir, readFile, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { explain, PerchError } from '../../base/errors.ts';
import { replaceFile } from '../../base/files/durable-file.ts';
import type { Logger } from '../../base/log.ts';
import { codeOf } from '../file/disk-fault.ts';
import { diskFs, diskFull, RECORDING_MODE, type SegmentFs, type SegmentHandle } from '../file/segment-fs.ts';
import type { CameraEvent } from './event.ts';
import { readEventLine, writeEventLine } from './event-line.ts';

const MAX_WAITING = 1_000;
const MONTH_FILE = /^(\d{4})-(\d{2})\.jsonl$/;
/** For events without a path; not a valid path name. */
const MACHINE_FOLDER = '~machine';
const DEEPEST_FOLDER = 32;
/** Events that are handled before other work gets a turn. */
const EVENTS_PER_TURN = 500;

export interface EventJournalOptions {
  readonly folder: string;
  readonly logger: Logger;
  readonly maxFileBytes?: number;
  /** Default: the box's disks. */
  readonly fs?: SegmentFs;
  /** Runs a flush in turn with others of the disk; default: at once. @param device `st_dev` */
  readonly inTurn?: (device: number, flush: () => Promise<void>) => Promise<void>;
}

interface MonthFile {
  readonly file: string;
  readonly path: string;
  /** Unix milliseconds of the month's end. */
  readonly endMs: number;
}

/**
 * Stores events: an append-only file of JSON lines per path and month (UTC, by the event's start). A later line
 * replaces earlier ones with the same id; a line torn by a power cut is ignored.
 */
export class EventJournal {
  readonly #options: Required<EventJournalOptions>;
  #writing: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** Files known to end with a line break. */
  readonly #whole = new Set<string>();
  /** Files with unflushed bytes. */
  readonly #unsynced = new Set<string>();
  /** Files created by this process in folders not flushed since: a power cut could lose their names. */
  readonly #unnamed = new Set<string>();
  #syncing: Promise<void> = Promise.resolve();
  /** A flush that has not started; it includes everything written until then. */
  #nextSync: Promise<void> | undefined;
  /** Keys of ongoing events, bounded by the hub. */
  readonly #begun = new Set<string>();
  readonly #refused = new Set<string>();
  /** `st_dev` of the folder, set by the first write. */
  device: number | undefined;

  constructor(options: EventJournalOptions) {
    // In a month of a path, about 40,000 events that are not labelled, or 20,000 with a label.
    this.#options = { maxFileBytes: 16 << 20, fs: diskFs, inTurn: (_device, flush) => flush(), ...options };
  }

  get hasUnsynced(): boolean {
    return this.#unsynced.size > 0;
  }

  /** @throws PerchError if too many lines are queued */
  checkCapacity(): void {
    if (this.#waiting >= MAX_WAITING) {
      throw new PerchError('exhausted', `${MAX_WAITING} events wait for the disk: try again later`, { retryAfterS: 1 });
    }
  }

  /** Resolves when the line is written, or the disk has rejected it, which is logged once per file. */
  async append(event: CameraEvent): Promise<void> {
    this.#waiting += 1;
    this.#writing = this.#writing.then(() => this.#write(event)).finally(() => (this.#waiting -= 1));
    await this.#writing;
  }

  /** The disk rejected the event's file and has not accepted anything for it since. */
  isRejected(event: Pick<CameraEvent, 'path' | 'startUs'>): boolean {
    return this.#refused.has(this.#fileOf(event));
  }

  /** Resolves when all lines so far are on disk or rejected. Never rejects. Calls during a flush share the next one. */
  sync(): Promise<void> {
    this.#nextSync ??= this.#syncing.then(() => {
      this.#nextSync = undefined;
      return this.device === undefined ? undefined : this.#options.inTurn(this.device, () => this.#syncAll());
    });
    this.#syncing = this.#nextSync;
    return this.#nextSync;
  }

  /** All events, each as its last line has it, by path and month. @param sinceMs skips months not written since then */
  async replay(index: { addEvent(event: CameraEvent): void }, sinceMs = -Infinity): Promise<void> {
    for (const { file, path } of await this.#files()) {
      const found = await stat(file).catch(() => undefined);
      if (!found || found.mtimeMs < sinceMs) {
        continue;
      }
      const events = await this.#read(file, path);
      for (let from = 0; from < events.length; from += EVENTS_PER_TURN) {
        for (const event of events.slice(from, from + EVENTS_PER_TURN)) {
          index.addEvent(event);
        }
        await yieldTurn();
      }
    }
  }

  /** Events still open when the program ended, from each path's last months. */
  async leftOpen(nowMs: number): Promise<CameraEvent[]> {
    const found: CameraEvent[] = [];
    for await (const events of this.lastMonths(nowMs)) {
      found.push(...events.filter(isOpen));
    }
    return found;
  }

  /** The last two months with events of each path, by path and month, each in order of first report. */
  async *lastMonths(nowMs: number): AsyncGenerator<readonly CameraEvent[]> {
    const files = await this.#files();
    for (let i = 0; i < files.length; i += 1) {
      const { file, path, endMs } = files[i] as MonthFile;
      // The files are sorted by path: this is one of the last two of its path if the next but one belongs to another.
      if (endMs > nowMs - 86_400_000 || files[i + 2]?.path !== path) {
        const events = await this.#read(file, path);
        for (const event of events.filter(isOpen)) {
          this.#begun.add(eventKey(event));
        }
        yield events;
      }
    }
  }

  /**
   * Deletes months whose last event is older than its path allows. @param keptMs undefined to keep them forever
   * @returns the paths with events
   */
  async prune(nowMs: number, keptMs: (path: string) => number | undefined): Promise<ReadonlySet<string>> {
    const paths = new Set<string>();
    for (const { file, path, endMs } of await this.#files()) {
      paths.add(path);
      const limitMs = keptMs(path);
      if (limitMs !== undefined && endMs < nowMs - limitMs) {
        // In order with writes: a folder must not disappear under a queued line.
        this.#writing = this.#writing.then(() => this.#remove(file));
        await this.#writing;
      }
    }
    return paths;
  }

  /** Removes the events of a path that started in the range, whatever else its months have. */
  async removeWithin(path: string, fromUs: number, untilUs: number): Promise<void> {
    const isMeant = ({ startUs }: CameraEvent): boolean => startUs >= fromUs && startUs <= untilUs;
    for (const month of (await this.#files()).filter((one) => one.path === path)) {
      this.#writing = this.#writing.then(() => this.#removeFrom(month, isMeant));
      await this.#writing;
    }
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.sync();
  }

  async #write(event: CameraEvent): Promise<void> {
    const file = this.#fileOf(event);
    // The end of an ongoing event may exceed the limit, up to the size that is still read.
    const isEnd = !isOpen(event) && this.#begun.delete(eventKey(event));
    const limit = isEnd ? 2 * this.#options.maxFileBytes : this.#options.maxFileBytes;
    try {
      await this.#options.fs.makeFolder(dirname(file));
      if (!this.#whole.has(file)) {
        this.#unnamed.add(file);
      }
      await this.#withFile(file, 'a+', (handle) => this.#append(handle, file, writeEventLine(event), limit));
      if (isOpen(event)) {
        this.#begun.add(eventKey(event));
      }
      this.#whole.add(file);
      this.#unsynced.add(file);
    } catch (error) {
      // Half a line may be written.
      this.#whole.delete(file);
      this.#logRejected(file, error);
    }
  }

  #fileOf({ path, startUs }: Pick<CameraEvent, 'path' | 'startUs'>): string {
    const month = new Date(startUs / 1000).toISOString().slice(0, 7);
    return join(this.#options.folder, path || MACHINE_FOLDER, `${month}.jsonl`);
  }

  async #remove(file: string): Promise<void> {
    await unlink(file).catch((error: unknown) => this.#logRejected(file, error));
    this.#whole.delete(file);
    this.#unsynced.delete(file);
    this.#unnamed.delete(file);
    // Fails for a folder that is not empty.
    await rmdir(dirname(file)).catch(() => undefined);
  }

  /** After a power cut the month has all of its events, or those that stay. */
  async #removeFrom({ file, path }: MonthFile, isMeant: (event: CameraEvent) => boolean): Promise<void> {
    const events = await this.#read(file, path);
    const others = events.filter((event) => !isMeant(event));
    if (others.length === events.length) {
      return;
    }
    if (others.length === 0) {
      await this.#remove(file);
      return;
    }
    await replaceFile(file, others.map(writeEventLine).join(''), RECORDING_MODE).catch((error: unknown) =>
      this.#logRejected(file, error),
    );
  }

  async #syncAll(): Promise<void> {
    const files = [...this.#unsynced];
    this.#unsynced.clear();
    for (const file of files) {
      try {
        await this.#withFile(file, 'r', (handle) => handle.sync());
        if (this.#unnamed.has(file)) {
          await this.#syncFolders(dirname(file));
          this.#unnamed.delete(file);
        }
        this.#refused.delete(file);
      } catch (error) {
        this.#logRejected(file, error);
      }
    }
  }

  /** FAT and exFAT lose a new file if its folder was not flushed. */
  async #syncFolders(folder: string): Promise<void> {
    const top = dirname(this.#options.folder);
    for (let at = folder; ; at = dirname(at)) {
      await this.#options.fs.syncFolder(at);
      if (at === top || at === dirname(at)) {
        return;
      }
    }
  }

  async #append(handle: SegmentHandle, file: string, line: string, limitBytes: number): Promise<void> {
    const { size } = await handle.stat();
    this.device = handle.device;
    const isTorn = !this.#whole.has(file) && size > 0 && !(await endsLine(handle, size));
    const text = isTorn ? `\n${line}` : line;
    if (size + Buffer.byteLength(text) > limitBytes) {
      throw new PerchError('exhausted', `this month has ${size} of ${limitBytes} bytes of events`);
    }
    await appendText(handle, text);
  }

  async #withFile<T>(file: string, mode: 'r' | 'a+', work: (handle: SegmentHandle) => Promise<T>): Promise<T> {
    const handle = await this.#options.fs.open(file, mode);
    try {
      return await work(handle);
    } finally {
      await handle.close();
    }
  }

  async #read(file: string, path: string): Promise<CameraEvent[]> {
    const events = new Map<string, CameraEvent>();
    try {
      const { size } = await stat(file);
      if (size > 2 * this.#options.maxFileBytes) {
        throw new PerchError('badInput', `${size} bytes, the limit is ${2 * this.#options.maxFileBytes}`);
      }
      const lines = (await readFile(file, 'utf8')).split('\n');
      for (let i = 0; i < lines.length; i += 1) {
        const event = readEventLine(lines[i] as string, path);
        if (event) {
          events.set(event.id, event);
        }
        if (i % EVENTS_PER_TURN === EVENTS_PER_TURN - 1) {
          await yieldTurn();
        }
      }
    } catch (error) {
      this.#options.logger.warn({ file, cause: explain(error) }, 'cannot read the events of a month');
    }
    return [...events.values()];
  }

  async #files(): Promise<MonthFile[]> {
    const found: MonthFile[] = [];
    const visit = async (folder: string, level: number): Promise<void> => {
      const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') {
          this.#options.logger.warn({ folder, cause: explain(error) }, 'cannot read the events of a path');
        }
        return [];
      });
      const name = relative(this.#options.folder, folder);
      for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        const file = join(folder, entry.name);
        const month = MONTH_FILE.exec(entry.name);
        if (entry.isFile() && month && name !== '') {
          const endMs = Date.UTC(Number(month[1]), Number(month[2]), 1);
          found.push({ file, path: name === MACHINE_FOLDER ? '' : name, endMs });
        } else if (entry.isDirectory() && level < DEEPEST_FOLDER) {
          await visit(file, level + 1);
        }
      }
    };
    await visit(this.#options.folder, 0);
    return found;
  }

  #logRejected(file: string, error: unknown): void {
    if (!this.#refused.has(file)) {
      this.#refused.add(file);
      this.#options.logger.error({ file, cause: explain(error) }, 'cannot write events');
    }
  }
}

const isOpen = ({ endUs }: CameraEvent): boolean => endUs === undefined;
const eventKey = ({ id, path }: CameraEvent): string => `${id} ${path}`;
const yieldTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function appendText(handle: SegmentHandle, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  return new Promise((resolve, reject) =>
    handle.append([bytes], (error, written) => {
      if (error || written < bytes.length) {
        reject(error ?? diskFull(written, bytes.length));
      } else {
        resolve();
      }
    }),
  );
}

async function endsLine(handle: SegmentHandle, size: number): Promise<boolean> {
  const last = new Uint8Array(1);
  await handle.read(last, 0, 1, size - 1);
  return last[0] === 0x0a;
}
