import { dirname } from 'node:path';
import type { SegmentFs, SegmentHandle } from '../../../agent/record/file/segment-fs.ts';

const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;

/** A file as the running machine sees it, and the part that survives a power cut. */
interface Inode {
  bytes: Buffer;
  durable: Buffer;
  /** The rest was truncated since the last sync: its blocks are free for others. */
  keptBytes: number;
  /** Whether its name has reached the folder on the disk. */
  isNamed: boolean;
  mtimeMs: number;
}

/** The fate of a page that was written and not synced. */
type Fate = 'kept' | 'lost' | 'zeros' | 'garbage' | 'stale';
const FATES: readonly Fate[] = ['kept', 'kept', 'lost', 'zeros', 'garbage', 'stale'];

export interface CutOptions {
  /** The operation at which the power fails next. */
  readonly cutAt?: number;
  readonly keepsNames?: number;
}

const never = new Promise<never>(() => {});

/**
 * A disk whose power fails at a certain operation. Synced data survives; of the rest each page and each name is kept, lost, or replaced
 * at random. Operations after the cut never return: the machine is off.
 */
export class PowerCutDisk implements SegmentFs {
  /** Operations begun so far. */
  operations = 0;
  isOff = false;
  readonly files = new Map<string, Inode>();
  /** Folders, and whether their name is on the disk. */
  readonly #folders = new Map<string, boolean>([['/', true]]);
  readonly #cutAt: number;

  /** @param cutAt the operation in the middle of which the power fails */
  constructor(cutAt = Number.POSITIVE_INFINITY) {
    this.#cutAt = cutAt;
  }

  /** @returns false when the machine is off: the operation has an effect, but no result */
  begin(): boolean {
    if (this.operations === this.#cutAt) {
      this.isOff = true;
    }
    this.operations += 1;
    return !this.isOff;
  }

  async deviceOf(): Promise<number> {
    return 1;
  }

  async makeFolder(folder: string): Promise<string | undefined> {
    const isOn = this.begin();
    let firstMade: string | undefined;
    for (let at = folder; !this.#folders.has(at); at = dirname(at)) {
      this.#folders.set(at, false);
      firstMade = at;
    }
    return isOn ? firstMade : never;
  }

  async syncFolder(folder: string): Promise<void> {
    if (!this.begin()) {
      return never;
    }
    for (const [name, inode] of this.files) {
      inode.isNamed ||= dirname(name) === folder;
    }
    for (const [name, isNamed] of this.#folders) {
      this.#folders.set(name, isNamed || dirname(name) === folder);
    }
  }

  async create(file: string): Promise<SegmentHandle> {
    if (this.files.has(file)) {
      throw Object.assign(new Error(`${file} is there`), { code: 'EEXIST' });
    }
    const isOn = this.begin();
    this.files.set(file, {
      bytes: Buffer.alloc(0),
      durable: Buffer.alloc(0),
      keptBytes: 0,
      isNamed: false,
      mtimeMs: 0,
    });
    return isOn ? this.open(file) : never;
  }

  async open(file: string, mode: 'r' | 'r+' | 'a+' = 'r+'): Promise<SegmentHandle> {
    if (mode === 'a+' && !this.files.has(file)) {
      return this.create(file);
    }
    const inode = this.files.get(file);
    if (!inode) {
      throw Object.assign(new Error(`${file} is not there`), { code: 'ENOENT' });
    }
    return new PowerCutHandle(this, inode);
  }

  async unlink(file: string): Promise<void> {
    this.files.delete(file);
  }

  /**
   * The disk as it is found when the machine is started again.
   * @param stale what freed blocks still hold
   * @param keepsNames how many unflushed names survive: on ext4 some, on FAT and exFAT none
   */
  afterCut(next: () => number, stale: Uint8Array, { cutAt, keepsNames = 0.5 }: CutOptions = {}): PowerCutDisk {
    const after = new PowerCutDisk(cutAt);
    for (const [folder, isNamed] of this.#folders) {
      if (isNamed || next() < keepsNames) {
        after.#folders.set(folder, true);
      }
    }
    for (const [name, inode] of this.files) {
      const isThere = inode.isNamed || next() < keepsNames;
      if (isThere && ancestors(name).every((folder) => after.#folders.has(folder))) {
        const bytes = remains(inode, next, stale);
        const durable = Buffer.from(bytes);
        after.files.set(name, { ...inode, bytes, durable, keptBytes: bytes.length, isNamed: true });
      }
    }
    return after;
  }
}

function ancestors(file: string): string[] {
  const folders: string[] = [];
  for (let at = dirname(file); ; at = dirname(at)) {
    folders.push(at);
    if (at === '/') {
      return folders;
    }
  }
}

function remains({ bytes, durable, keptBytes }: Inode, next: () => number, stale: Uint8Array): Buffer {
  const shortest = Math.min(bytes.length, durable.length);
  const longest = Math.max(bytes.length, durable.length);
  const sizes = [longest, longest, bytes.length, durable.length, shortest + Math.floor(next() * (longest - shortest))];
  const left = Buffer.alloc(sizes[Math.floor(next() * sizes.length)] ?? longest);
  durable.copy(left);
  // Some cuts spare nothing, most spare some: each page on its own, or all alike.
  const common = next() < 0.3 ? FATES[Math.floor(next() * FATES.length)] : undefined;
  for (let start = 0; start < left.length; ) {
    const isAppended = start >= keptBytes;
    const unit = isAppended ? PAGE_BYTES : SECTOR_BYTES;
    const end = Math.min(left.length, start - (start % unit) + unit, isAppended ? left.length : keptBytes);
    const isUnsynced = isAppended || !bytes.subarray(start, end).equals(durable.subarray(start, end));
    if (isUnsynced) {
      spoil(left, start, end, common ?? FATES[Math.floor(next() * FATES.length)] ?? 'kept');
    }
    start = end;
  }
  return left;

  function spoil(into: Buffer, start: number, end: number, fate: Fate): void {
    if (fate === 'kept') {
      bytes.copy(into, start, Math.min(start, bytes.length), Math.min(end, bytes.length));
    } else if (fate === 'zeros') {
      into.fill(0, start, end);
    } else if (fate === 'garbage') {
      for (let at = start; at < end; at += 1) {
        into[at] = next() * 256;
      }
    } else if (fate === 'stale' && start >= keptBytes) {
      // The worst case: it looks like a continuation of the present data.
      const from = start - keptBytes;
      into.set(stale.subarray(from, from + end - start), start);
    }
  }
}

class PowerCutHandle implements SegmentHandle {
  readonly device = 1;
  readonly #disk: PowerCutDisk;
  readonly #inode: Inode;

  constructor(disk: PowerCutDisk, inode: Inode) {
    this.#disk = disk;
    this.#inode = inode;
  }

  append(pieces: Uint8Array[], done: (error: Error | null, writtenBytes: number) => void): void {
    const isOn = this.#disk.begin();
    const before = this.#inode.bytes.length;
    this.#inode.bytes = Buffer.concat([this.#inode.bytes, ...pieces]);
    if (isOn) {
      setImmediate(() => done(null, this.#inode.bytes.length - before));
    }
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    const isOn = this.#disk.begin();
    const whole = Buffer.alloc(Math.max(this.#inode.bytes.length, at + bytes.length));
    this.#inode.bytes.copy(whole);
    whole.set(bytes, at);
    this.#inode.bytes = whole;
    return isOn ? undefined : never;
  }

  async truncate(sizeBytes: number): Promise<void> {
    const isOn = this.#disk.begin();
    this.#inode.bytes = Buffer.from(this.#inode.bytes.subarray(0, sizeBytes));
    this.#inode.keptBytes = Math.min(this.#inode.keptBytes, sizeBytes);
    return isOn ? undefined : never;
  }

  async sync(): Promise<void> {
    if (!this.#disk.begin()) {
      return never;
    }
    this.#inode.durable = Buffer.from(this.#inode.bytes);
    this.#inode.keptBytes = this.#inode.bytes.length;
  }

  async setTimes(_startMs: number, endMs: number): Promise<void> {
    this.#inode.mtimeMs = endMs;
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const bytes = this.#inode.bytes.subarray(position, position + length);
    buffer.set(bytes, offset);
    return { bytesRead: bytes.length };
  }

  async stat(): Promise<{ size: number; mtimeMs: number }> {
    return { size: this.#inode.bytes.length, mtimeMs: this.#inode.mtimeMs };
  }

  async close(): Promise<void> {}
}
