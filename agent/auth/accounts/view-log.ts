import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { type DocumentCarrier, documentCarrier } from '../../base/files/document-carrier.ts';
import { replaceFile } from '../../base/files/durable-file.ts';
import { parseJson } from '../../base/files/parse-json.ts';
import type { Logger } from '../../base/log.ts';
import { endpointOf, isLoopbackIp } from '../../base/network/ip-address.ts';
import { SerialQueue } from '../../base/serial-queue.ts';
import { mainPathOf } from './person.ts';

/** Time between two writes: SD cards wear with every write. */
const WRITE_MS = 60_000;
/** A return within this time continues the view: players reconnect, and recordings are fetched in parts. */
const RETURN_MS = 120_000;
const CLEAN_MS = 86_400_000;
const MAX_FILE_BYTES = 2 << 20;
/** Size to which a full file is reduced. */
const KEPT_BYTES = 1 << 20;
/** Name of the list in a database. */
const LIST = 'views';
const MODE = 0o600;
/** Lines parsed in one step. A full file has thousands; media is handled between steps. */
const READ_LINES = 200;

const Line = Type.Object({
  id: Type.String({ maxLength: 16 }),
  user: Type.String(),
  role: Type.Enum(['owner', 'viewer', 'guest', 'device', 'other']),
  camera: Type.String(),
  mode: Type.Enum(['live', 'recording']),
  address: Type.String(),
  /** Unix milliseconds. */
  from: Type.Number(),
  /** End of the view, Unix milliseconds. Absent while it lasts. */
  to: Type.Optional(Type.Number()),
});
type Line = Static<typeof Line>;

/** One view of a camera. */
interface ViewItem extends Omit<Line, 'id' | 'from' | 'to'> {
  readonly fromMs: number;
  /** Null: the view lasts, or Perch was cut off during it. */
  readonly toMs: number | null;
  readonly isRunning: boolean;
}

interface Running extends Pick<Line, 'id' | 'user' | 'role' | 'camera' | 'mode' | 'address'> {
  readonly fromMonoMs: number;
  /** Number of open sessions. With none the view ends, unless one returns. */
  sessions: number;
  lastMonoMs: number;
  isWritten: boolean;
}

interface ViewLogOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  roleOf(user: string): Line['role'];
  /** How long a view is kept after its end; 0: without limit. */
  keptMs(): number;
}

/**
 * Who looked at which camera and when, in `views.jsonl` of the data folder: a line at the beginning of each view and another at its end.
 * Only running views are kept in memory. With a database the lines are its rows, and those of all servers are listed.
 */
export class ViewLog {
  readonly #options: ViewLogOptions;
  readonly #file: string;
  readonly #carrier: DocumentCarrier | undefined;
  readonly #running = new Map<string, Running>();
  readonly #disk = new SerialQueue();
  readonly #stop: () => void;
  #waiting: string[] = [];
  #fileBytes: number | undefined;
  #cleanedMonoMs = Number.NEGATIVE_INFINITY;
  #hasFailed = false;

  constructor(options: ViewLogOptions) {
    this.#options = options;
    this.#file = join(options.dataDir, 'views.jsonl');
    this.#carrier = documentCarrier(options.dataDir);
    this.#stop = options.clock.every(WRITE_MS, () => void this.#write());
  }

  /** Call this when a session begins. @param remoteAddr with port @returns a function to call at its end */
  begin(camera: string, user: string, remoteAddr: string): () => void {
    const view = this.#viewOf(camera, 'live', user, endpointOf(remoteAddr).ip);
    if (!view) {
      return () => {};
    }
    view.sessions += 1;
    let isOver = false;
    return () => {
      if (!isOver) {
        isOver = true;
        view.sessions -= 1;
        view.lastMonoMs = this.#options.clock.monoMs();
      }
    };
  }

  /** Call this when a part of a recording is sent. @param address canonical, without port */
  touch(camera: string, user: string, address: string): void {
    this.#viewOf(camera, 'recording', user, address);
  }

  /** Newest first. @param user undefined for all */
  async list(user?: string): Promise<readonly ViewItem[]> {
    const lines = await this.#disk.run(async () => {
      const written = await this.#read();
      addLines(written, this.#waiting);
      return written;
    });
    const running = new Set<string>();
    for (const view of this.#running.values()) {
      const isRunning = view.sessions > 0;
      lines.set(view.id, this.#lineOf(view, !isRunning));
      if (isRunning) {
        running.add(view.id);
      }
    }
    return [...lines.values()]
      .filter((line) => (user === undefined || line.user === user) && (running.has(line.id) || !this.#isOld(line)))
      .map(({ id, from, to = null, ...rest }) => ({ ...rest, fromMs: from, toMs: to, isRunning: running.has(id) }))
      .toSorted((one, other) => other.fromMs - one.fromMs);
  }

  /** Writes the ends of all views. */
  async close(): Promise<void> {
    this.#stop();
    await this.#write(true);
  }

  #viewOf(path: string, mode: Line['mode'], user: string, address: string): Running | undefined {
    const { clock, roleOf } = this.#options;
    const camera = mainPathOf(path);
    const key = JSON.stringify([user, address, camera, mode]);
    const nowMs = clock.monoMs();
    const known = this.#running.get(key);
    if (known) {
      known.lastMonoMs = nowMs;
      return known;
    }
    // A session without a user is that of a program of this box.
    if ((user === '' && isLoopbackIp(address)) || this.#running.size >= 5_000) {
      return undefined;
    }
    const id = randomBytes(6).toString('base64url');
    const facts = { id, user, role: roleOf(user), camera, mode, address };
    const view = { ...facts, fromMonoMs: nowMs, sessions: 0, lastMonoMs: nowMs, isWritten: false };
    this.#running.set(key, view);
    return view;
  }

  /** A line with wall times, which are corrected if the clock was set meanwhile. */
  #lineOf(view: Running, isOver: boolean): Line {
    const { id, user, role, camera, mode, address, fromMonoMs, sessions, lastMonoMs } = view;
    const { clock } = this.#options;
    const offsetMs = clock.wallMs() - clock.monoMs();
    const from = Math.round(fromMonoMs + offsetMs);
    const to = Math.round((sessions > 0 ? clock.monoMs() : lastMonoMs) + offsetMs);
    return { id, user, role, camera, mode, address, from, ...(isOver ? { to } : {}) };
  }

  async #write(isClosing = false): Promise<void> {
    const nowMs = this.#options.clock.monoMs();
    for (const [key, view] of this.#running) {
      const isOver = isClosing || (view.sessions === 0 && nowMs - view.lastMonoMs >= RETURN_MS);
      const line = this.#lineOf(view, isOver);
      if (!view.isWritten || line.to !== undefined) {
        this.#waiting.push(`${JSON.stringify(line)}\n`);
        view.isWritten = true;
      }
      if (line.to !== undefined) {
        this.#running.delete(key);
      }
    }
    // They wait while the disk accepts none.
    this.#waiting = this.#waiting.slice(-10_000);
    if (this.#waiting.length > 0) {
      await this.#disk.run(() => this.#append());
    }
  }

  async #append(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    try {
      if (this.#carrier) {
        await this.#appendTo(this.#carrier, lines);
        this.#hasFailed = false;
        return;
      }
      const sizeBytes = this.#fileBytes ?? (await this.#begin());
      const text = lines.join('');
      await appendFile(this.#file, text, { mode: MODE });
      lines.length = 0;
      this.#fileBytes = sizeBytes + Buffer.byteLength(text);
      const isDue = this.#options.clock.monoMs() - this.#cleanedMonoMs >= CLEAN_MS;
      if (isDue || this.#fileBytes > MAX_FILE_BYTES) {
        await this.#clean(this.#fileBytes > MAX_FILE_BYTES);
      }
      this.#hasFailed = false;
    } catch (error) {
      this.#waiting = [...lines, ...this.#waiting];
      if (!this.#hasFailed) {
        this.#hasFailed = true;
        this.#options.log.warn({ file: this.#file, cause: explain(error) }, 'writing the viewing history failed');
      }
    }
  }

  async #appendTo(carrier: DocumentCarrier, lines: readonly string[]): Promise<void> {
    const rows = lines.map((json) => {
      const { id, from, to = from } = JSON.parse(json) as Line;
      return { id, json, atMs: to };
    });
    await carrier.putRows(LIST, rows);
    const { clock, keptMs } = this.#options;
    if (keptMs() > 0 && clock.monoMs() - this.#cleanedMonoMs >= CLEAN_MS) {
      await carrier.removeRows(LIST, clock.wallMs() - keptMs());
      this.#cleanedMonoMs = clock.monoMs();
    }
  }

  /** A power cut may have left half a line. @returns the size of the file */
  async #begin(): Promise<number> {
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
    await appendFile(this.#file, '\n', { mode: MODE });
    return (await stat(this.#file)).size;
  }

  /** Drops what is too old, and the oldest when the file is full. */
  async #clean(isFull: boolean): Promise<void> {
    this.#cleanedMonoMs = this.#options.clock.monoMs();
    const all = [...(await this.#read()).values()];
    let leftBytes = isFull ? KEPT_BYTES : MAX_FILE_BYTES;
    const kept = all
      .toReversed()
      .map((line) => (this.#isOld(line) ? '' : `${JSON.stringify(line)}\n`))
      .filter((text) => {
        leftBytes -= Buffer.byteLength(text);
        return text !== '' && leftBytes >= 0;
      });
    if (isFull || kept.length < all.length) {
      const text = kept.toReversed().join('');
      await replaceFile(this.#file, text, MODE);
      this.#fileBytes = Buffer.byteLength(text);
    }
  }

  #isOld({ from, to = from }: Line): boolean {
    const keptMs = this.#options.keptMs();
    return keptMs > 0 && this.#options.clock.wallMs() - to > keptMs;
  }

  /** The last line of each view, by id. A damaged line is skipped. */
  async #read(): Promise<Map<string, Line>> {
    if (this.#carrier) {
      // A full file has about as many.
      const rows = await this.#carrier.readRows(LIST, 10_000);
      return new Map(rows.flatMap((row) => (Check(Line, row) ? [[row.id, row] as const] : [])));
    }
    const text = await readFile(this.#file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') {
        return '';
      }
      throw new PerchError('unavailable', `cannot read ${this.#file}`, { file: this.#file }, error);
    });
    const rows = text.split('\n');
    const lines = new Map<string, Line>();
    for (let i = 0; i < rows.length; i += READ_LINES) {
      addLines(lines, rows.slice(i, i + READ_LINES));
      await setImmediate();
    }
    return lines;
  }
}

function addLines(lines: Map<string, Line>, rows: readonly string[]): void {
  for (const row of rows) {
    const line = parsed(row);
    if (line) {
      lines.set(line.id, line);
    }
  }
}

function parsed(row: string): Line | undefined {
  const line = parseJson(row);
  return Check(Line, line) ? line : undefined;
}
