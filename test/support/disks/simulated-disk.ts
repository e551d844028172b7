import type { Deletion, DeletionCandidate } from '../../../agent/record/retention/deletions.ts';
import type { DiskProbe, DiskReading } from '../../../agent/record/space/disk-probe.ts';
import type { IndexedRecording } from '../../../agent/record/space/free-space.ts';

const MB = 1_000_000;
const HOUR_US = 3_600_000_000;

/** A disk of 1,000 MB with recordings of 10 MB, one an hour from each of its cameras. */
export class SimulatedDisk implements DiskProbe {
  device = 81;
  totalBytes = 1_000 * MB;
  freeBytes = 500 * MB;
  isReadOnly = false;
  cannotMake: string | undefined;
  place: DiskReading['place'] = 'mount';
  isOwnDisk = true;
  /** Whether the configuration requires a disk. */
  isNeeded = false;
  mark: string | undefined;
  failure: string | undefined;
  isHanging = false;
  /** Deleted bytes are free only after `settle`. */
  isSlow = false;
  hold: string | undefined;
  files: IndexedRecording[] = [];
  readonly kept = new Map<string, Deletion>();
  readonly deleted: string[] = [];
  #pendingBytes = 0;

  read(): Promise<DiskReading> {
    if (this.isHanging) {
      return new Promise(() => {});
    }
    if (this.failure !== undefined) {
      return Promise.reject(Object.assign(new Error(`${this.failure}: input/output error`), { code: this.failure }));
    }
    const { device, totalBytes, freeBytes, isReadOnly, cannotMake, place, isOwnDisk, mark } = this;
    return Promise.resolve({ device, totalBytes, freeBytes, isReadOnly, cannotMake, place, isOwnDisk, mark });
  }

  async deviceOf(_folder?: string): Promise<number> {
    return this.device;
  }

  async writeMark(_folder: string, id: string): Promise<void> {
    this.mark = id;
  }

  record(path: string, hour: number): void {
    const startUs = hour * HOUR_US;
    const file = `/rec/${path}/${hour}.mp4`;
    this.files.push({ file, path, startUs, nameUs: startUs, durationUs: HOUR_US });
    this.files.sort((a, b) => a.startUs - b.startUs);
  }

  delete({ file }: DeletionCandidate): Promise<Deletion> {
    const kept = this.kept.get(file);
    if (kept) {
      return Promise.resolve(kept);
    }
    this.files = this.files.filter((one) => one.file !== file);
    this.deleted.push(file.slice('/rec/'.length));
    this.#pendingBytes += 10 * MB;
    if (!this.isSlow) {
      this.settle();
    }
    return Promise.resolve({ kind: 'deleted', diskBytes: 10 * MB });
  }

  settle(): void {
    this.freeBytes += this.#pendingBytes;
    this.#pendingBytes = 0;
  }
}
