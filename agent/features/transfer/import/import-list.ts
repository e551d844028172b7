import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { explain, ignoreExpected, PerchError } from '../../../base/errors.ts';
import { openClip } from '../../../paths/always-available/clip.ts';
import { readSegmentInfo } from '../../../playback/index/segment-info.ts';
import { recordFormatOf } from '../../../record/file/record-path.ts';
import { diskFaultOf, leftOut, whyOf } from '../../../recordings/copy/left-file.ts';
import { openFile } from '../../../recordings/copy/open-file.ts';
import { BUSY_MS } from '../../../recordings/copy/place-file.ts';
import type {
  Moves,
  OpenRecording,
  RecordingList,
  SourceRecording,
  Sum,
  Target,
} from '../../../recordings/copy/recording-list.ts';
import { durationMsOf, rewriteMp4 } from '../../../recordings/copy/rewrite-mp4.ts';
import { checkFile, groupOf } from './import-groups.ts';
import { timeOfName } from './name-time.ts';
import { namesBelow } from './names-below.ts';

interface ImportItem {
  /** Undefined: all files of the folder. */
  readonly group?: string;
  readonly path: string;
}

interface ImportListDeps {
  readonly clock: Pick<Clock, 'wallMs'>;
  /** @throws PerchError if the path is not configured */
  settingsOf(path: string): { readonly recordPath: string; readonly recordDeleteAfterMs: number };
  /** Whether the file is a recording of this Perch already. */
  readonly isOwn?: (file: string) => boolean;
  /** Makes hard links on the same disk, where no file has to be rewritten. */
  readonly isLinked?: boolean;
  /** Files of Perch and MediaMTX are moved; others are left out. */
  readonly moves?: Moves | undefined;
  /** Frigate's name of the camera, or undefined if a group has recordings of one camera. */
  readonly camera?: string | undefined;
  /** IANA name of the time zone, or undefined for the machine's zone. */
  readonly zone?: string;
}

interface ImportMemory {
  /** Number of the present item, and the last of its files that is done. */
  readonly item?: number;
  readonly last?: string | undefined;
}

interface FoundFile {
  readonly name: string;
  /** Unix microseconds; NaN: its name has no time. */
  readonly startUs: number;
  /** Frigate's name of the camera, or undefined if the file is not from Frigate's folders. */
  readonly camera: string | undefined;
  readonly isUnread?: true;
}

/** Recordings of other programs below a folder, group by group, oldest first. */
export class ImportList implements RecordingList {
  readonly isNamedByTime = true;
  readonly moves: Moves | undefined;
  readonly #from: string;
  readonly #items: readonly ImportItem[];
  readonly #deps: ImportListDeps;
  #memory: ImportMemory;
  #source: SourceFolder | undefined;
  /** What is left, by item. */
  #left: readonly (readonly (FoundFile & { readonly sizeBytes: number })[])[] = [];

  constructor(from: string, items: readonly ImportItem[], memory: ImportMemory, deps: ImportListDeps) {
    this.#from = from;
    this.#items = items;
    this.#memory = memory;
    this.#deps = deps;
    this.moves = deps.moves;
  }

  async sum(): Promise<Sum> {
    this.#source = await SourceFolder.open(this.#from);
    const unread: FoundFile[] = [];
    const onUnread = (name: string) => {
      unread.push({ name, startUs: Number.NaN, camera: undefined, isUnread: true });
    };
    const names = await namesBelow(this.#from, { onUnread }).catch((error: unknown) => {
      throw error instanceof PerchError ? new PerchError('unavailable', error.message, { why: 'away' }, error) : error;
    });
    const byGroup = Map.groupBy(names, groupOf);
    const { item: first = 0, last } = this.#memory;
    const left: (FoundFile & { readonly sizeBytes: number })[][] = [];
    for (const [i, { group }] of this.#items.entries()) {
      const files = inOrder(group === undefined ? names : (byGroup.get(group) ?? []), this.#deps.zone);
      if (i >= first && group !== undefined && files.length === 0) {
        const text = `${this.#from} has no files of '${group}' any more: is its disk mounted?`;
        throw new PerchError('unavailable', text, { why: 'away' });
      }
      // If the last file is gone, the group begins with the first file again.
      const next = i > first ? 0 : i < first ? files.length : 1 + files.findIndex(({ name }) => name === last);
      const sized = [];
      for (const file of [...(group === undefined ? unread : []), ...files.slice(next)]) {
        sized.push({ ...file, sizeBytes: file.isUnread ? 0 : await this.#sizeOf(file.name) });
      }
      left.push(sized);
    }
    this.#left = left;
    this.#requireCamera();
    const all = left.flat();
    return { files: all.length, bytes: all.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0) };
  }

  #sizeOf = async (name: string): Promise<number> =>
    (await stat(join(this.#from, name)).catch(() => undefined))?.size ?? 0;

  async *recordings(): AsyncGenerator<SourceRecording> {
    for (const [i, { path }] of this.#items.entries()) {
      const files = this.#left[i] ?? [];
      for (const [j, { sizeBytes, ...found }] of files.entries()) {
        const { name } = found;
        const file = join(this.#from, name);
        const after = j === files.length - 1 ? { item: i + 1 } : { item: i, last: name };
        yield {
          ...{ name, path, sizeBytes, file, after },
          check: () => this.#check(path, found),
          open: () => this.#open(file, found.startUs / 1000),
        };
        this.#memory = after;
      }
    }
  }

  async faultOf(error: unknown, name: string): Promise<unknown> {
    const fault = error instanceof PerchError ? error : await this.#source?.faultOf(error, name);
    const isOfAll = !fault || fault.code === 'exhausted' || ['away', 'path', 'disk'].includes(whyOf(fault));
    return isOfAll ? fault : leftOut(whyOf(fault), explain(fault));
  }

  /** @throws PerchError if it is not clear which camera is meant */
  #requireCamera(): void {
    const { camera } = this.#deps;
    const found = this.#left.map((files) => new Set(files.flatMap((file) => file.camera ?? [])));
    const known = [...new Set(found.flatMap((cameras) => [...cameras]))].sort();
    const context = { why: 'camera', cameras: known.join(', ') };
    if (camera !== undefined && !known.includes(camera)) {
      const others = known.length > 0 ? `, but ${context.cameras}` : '';
      throw new PerchError('notFound', `the folder has no camera '${camera}' of Frigate${others}`, context);
    }
    if (camera === undefined && found.some(({ size }) => size > 1)) {
      throw new PerchError(
        'badInput',
        `the folder has several cameras: add --camera with one of ${context.cameras}`,
        context,
      );
    }
  }

  async #check(path: string, { name, startUs, camera, isUnread }: FoundFile): Promise<Target | 'present'> {
    const { clock, isOwn, settingsOf } = this.#deps;
    if (isUnread) {
      throw leftOut('unreadable', 'the folder cannot be read');
    }
    const file = join(this.#from, name);
    if (isOwn?.(file)) {
      return 'present';
    }
    const { recordPath, recordDeleteAfterMs } = settingsOf(path);
    const nowMs = clock.wallMs();
    const { mtimeMs } = await checkFile(file, startUs, nowMs);
    if (this.#deps.camera !== undefined && camera !== this.#deps.camera) {
      throw leftOut('otherCamera', `it is of the camera ${camera ?? 'of another name'}`);
    }
    if (recordDeleteAfterMs > 0 && startUs / 1000 < nowMs - recordDeleteAfterMs) {
      throw leftOut('old', 'it is older than recordDeleteAfter of the path: Perch would delete it');
    }
    if (Math.abs(nowMs - mtimeMs) < BUSY_MS) {
      throw leftOut('busy', 'it was changed within the last minute, and may still be written');
    }
    return { recordPath, nameUs: startUs, format: recordFormatOf(name.toLowerCase()) };
  }

  async #open(file: string, startMs: number): Promise<OpenRecording> {
    const known = await readSegmentInfo(file, { isBeingWritten: false }).catch(ignoreExpected);
    const format = recordFormatOf(file.toLowerCase());
    // It is a recording of MediaMTX or Perch, or MPEG-TS.
    if (known && (format === 'mpegts' || known.info.mark || known.info.fileMark)) {
      if (this.moves && !known.info.isFinished) {
        throw leftOut('unfinished', 'it is not finished: start Perch once with its folder as recordPath');
      }
      const times = { startUs: startMs * 1000, endUs: startMs * 1000 + known.info.durationUs };
      const opened = await openFile(file, times.endUs / 1000);
      // A hard link would keep the owner and the mode of the other program's file.
      const canBeLinked = !this.moves && this.#deps.isLinked === true;
      return { ...opened, ...(!this.moves && { times }), canBeLinked };
    }
    if (format === 'mpegts') {
      throw leftOut('damaged', 'it is no MPEG-TS stream that Perch reads');
    }
    if (this.moves) {
      const text = 'neither Perch nor MediaMTX recorded it, so Perch has to rewrite it: import it without --move';
      throw leftOut('foreign', text);
    }
    const clip = await openClip(file, 'no links');
    const endMs = startMs + durationMsOf(clip);
    return {
      times: { startUs: startMs * 1000, endUs: endMs * 1000 },
      write: async (draft, pace, onBytes) => {
        await rewriteMp4(clip, draft, { startMs, zone: this.#deps.zone, wait: () => pace.wait(), onBytes });
        return { modifiedMs: endMs };
      },
      close: () => clip.handle.close(),
    };
  }
}

/** Sorted by start: recordings that follow each other are compared. */
function inOrder(names: readonly string[], zone: string | undefined): FoundFile[] {
  const files = names.map(
    (name): FoundFile => ({ startUs: Number.NaN, camera: undefined, ...timeOfName(name, zone), name }),
  );
  return files.sort((a, b) => (a.startUs || 0) - (b.startUs || 0) || (a.name < b.name ? -1 : 1));
}

/** System calls that read the file that is taken, or one that belongs to it. */
const READS = new Set(['open', 'stat', 'lstat', 'access']);

/** The folder whose files are imported. Distinguishes a bad file from a disk that is away. */
class SourceFolder {
  readonly #folder: string;
  readonly #device: number | undefined;

  static async open(folder: string): Promise<SourceFolder> {
    return new SourceFolder(folder, await deviceOf(folder));
  }

  private constructor(folder: string, device: number | undefined) {
    this.#folder = folder;
    this.#device = device;
  }

  /** @returns why the file is left out @throws PerchError if no file can be taken now */
  async faultOf(error: unknown, name: string): Promise<PerchError> {
    const { syscall = '', path } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
    const folder = dirname(join(this.#folder, name));
    const isOfFile = syscall === 'read' || (READS.has(syscall) && path !== undefined && dirname(path) === folder);
    if (!isOfFile) {
      throw diskFaultOf(error, `cannot take ${name}`);
    }
    if ((await deviceOf(this.#folder)) !== this.#device) {
      const text = `the disk of ${this.#folder} is away: it continues when it is there again`;
      throw new PerchError('unavailable', text, { why: 'away' }, error);
    }
    return new PerchError('unavailable', 'it cannot be read', { why: 'unreadable' }, error);
  }
}

const deviceOf = async (folder: string): Promise<number | undefined> =>
  (await stat(folder).catch(() => undefined))?.dev;
