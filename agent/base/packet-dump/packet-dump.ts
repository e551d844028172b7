import { randomUUID } from 'node:crypto';
import {
  accessSync,
  constants,
  createWriteStream,
  mkdirSync,
  readdirSync,
  statfsSync,
  statSync,
  type WriteStream,
} from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { explain } from '../errors.ts';
import type { Logger } from '../log.ts';
import { fileStart } from './pcapng.ts';

/** Of what is free on their disk at the start: recordings, settings and the system need the rest. */
const FREE_SHARE = 0.1;
/** Bytes that wait for a slow disk; further packets are missing in the files. */
const MAX_WAITING_BYTES = 32 << 20;
const FILE_NAME = /^[a-z0-9_]+_\d{13,}_[\da-f]{8}-[\da-f-]{27}\.pcapng$/;

interface PacketDumpOptions {
  /** The working directory, for MediaMTX's place of the files. */
  readonly cwd: string;
  /** Used where the working directory is not writable. */
  readonly otherFolder: string;
  readonly clock: Pick<Clock, 'monoMs' | 'wallMs'>;
  readonly log: Logger;
  readonly maxBytes?: number;
  /** Free bytes of the folder's disk; default: asked of the system. */
  readonly freeBytes?: (folder: string) => number;
}

/** The pcapng files of `dumpPackets`: one for each connection or UDP socket, named `PREFIX_UNIXNANO_UUID.pcapng` as in MediaMTX. */
export class PacketDump {
  readonly folder: string;
  readonly #options: PacketDumpOptions;
  readonly #maxBytes: number;
  /** Unix time at which `monoMs` was 0. */
  readonly #epochMs: number;
  readonly #files = new Set<DumpFile>();
  #bytes = 0;
  #fileCount = 0;
  #waitingBytes = 0;
  #hasGaps = false;
  #isOver = false;

  /** @throws an error of the file system if neither folder is writable */
  constructor(options: PacketDumpOptions) {
    // A forgotten `dumpPackets: yes` must not fill the disk. Files of earlier runs count, too.
    const { cwd, otherFolder, clock, log, maxBytes = 1 << 30, freeBytes = freeBytesOf } = options;
    this.#options = options;
    this.#epochMs = clock.wallMs() - clock.monoMs();
    this.folder = isWritable(cwd) ? cwd : otherFolder;
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    accessSync(this.folder, constants.W_OK);
    for (const name of readdirSync(this.folder).filter((entry) => FILE_NAME.test(entry))) {
      this.#fileCount += 1;
      this.#bytes += statSync(join(this.folder, name), { throwIfNoEntry: false })?.size ?? 0;
    }
    // What earlier files take is not free any more.
    this.#maxBytes = Math.min(maxBytes, Math.floor((freeBytes(this.folder) + this.#bytes) * FREE_SHARE));
    log.warn(
      { folder: this.folder, limitMB: Math.floor(this.#maxBytes / 1_000_000) },
      'dumpPackets writes all connections to files, with their passwords, keys and media: switch it off and delete them after use',
    );
    this.#check();
  }

  /** Unix time in microseconds. */
  get nowUs(): number {
    return (this.#epochMs + this.#options.clock.monoMs()) * 1_000;
  }

  /** @returns undefined if the limit is reached */
  open(prefix: string): DumpFile | undefined {
    if (this.#isOver) {
      return undefined;
    }
    this.#fileCount += 1;
    const path = join(this.folder, `${prefix}_${Math.floor(this.nowUs)}000_${randomUUID()}.pcapng`);
    const file = new DumpFile(this, path);
    this.#files.add(file);
    file.write(fileStart());
    return file;
  }

  /** Ends all files; connections continue without. */
  async close(): Promise<void> {
    this.#isOver = true;
    await Promise.all([...this.#files].map((file) => file.end()));
  }

  /** @returns whether the bytes may be written, now or after they were held */
  take(byteCount: number): boolean {
    if (this.#isOver) {
      return false;
    }
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      if (!this.#hasGaps) {
        this.#options.log.warn({ folder: this.folder }, 'the disk is too slow for dumpPackets: packets are missing');
      }
      this.#hasGaps = true;
      return false;
    }
    this.#bytes += byteCount;
    this.#waitingBytes += byteCount;
    this.#check();
    return true;
  }

  written(byteCount: number): void {
    this.#waitingBytes -= byteCount;
  }

  ended(file: DumpFile): void {
    this.#files.delete(file);
  }

  failed(cause: unknown): void {
    this.#stop({ folder: this.folder, cause: explain(cause) }, 'dumpPackets has stopped: a file cannot be written');
  }

  #check(): void {
    if (this.#bytes >= this.#maxBytes || this.#fileCount >= 10_000) {
      const facts = { folder: this.folder, files: this.#fileCount, megabytes: Math.floor(this.#bytes / 1_000_000) };
      this.#stop(
        facts,
        'dumpPackets has stopped: its files have reached their limit; delete them and start Perch again',
      );
    }
  }

  #stop(facts: object, words: string): void {
    if (!this.#isOver) {
      this.#options.log.error(facts, words);
      void this.close();
    }
  }
}

/** The file of one connection or UDP socket. */
export class DumpFile {
  readonly dump: PacketDump;
  readonly #stream: WriteStream;
  #ended: Promise<void> | undefined;

  constructor(dump: PacketDump, path: string) {
    this.dump = dump;
    this.#stream = createWriteStream(path, { flags: 'wx', mode: 0o600 });
    this.#stream.on('error', (cause) => dump.failed(cause));
  }

  write(bytes: Buffer): void {
    if (this.take(bytes)) {
      this.writeTaken(bytes);
    }
  }

  /** Counts bytes that are held back, for `writeTaken`. @returns whether there is room for them */
  take(bytes: Buffer): boolean {
    return !this.#ended && this.dump.take(bytes.length);
  }

  writeTaken(bytes: Buffer): void {
    if (this.#ended) {
      this.dump.written(bytes.length);
    } else {
      this.#stream.write(bytes, () => this.dump.written(bytes.length));
    }
  }

  end(): Promise<void> {
    this.#ended ??= new Promise<void>((resolve) => {
      this.#stream.once('close', () => {
        this.dump.ended(this);
        resolve();
      });
      this.#stream.end();
    });
    return this.#ended;
  }
}

function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
