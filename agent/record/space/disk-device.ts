import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { stopBytesOf } from './disk-state.ts';
import { FlushAge, type FlushDays } from './flush-age.ts';
import { type Deleting, freeSpace, type OldestRecordings, oldestBelow, onThisDisk } from './free-space.ts';
import { type Forecast, forecast, WriteRate } from './write-rate.ts';

/** Frees more than needed, so that not every check deletes something. */
const SPARE_SHARE = 1 / 20;
/** The bytes written in this time are freed in addition. */
const SPARE_SECONDS = 30;
/** File systems with snapshots or logs free space with a delay. */
const EFFECT_MS = 60_000;
/** Pause after nothing could be deleted. */
const STUCK_MS = 15_000;
const OLDEST_EVERY_MS = 60_000;

/** Whether a folder is on this disk. */
type IsHere = (folder: string) => Promise<boolean>;

interface DeviceFacts {
  readonly folders: readonly string[];
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly minFreeBytes: number;
  readonly ageLimitMs: number | undefined;
  readonly index: OldestRecordings;
}

/** A disk: measures how fast it fills and frees space. */
export class DiskDevice {
  readonly rate = new WriteRate();
  readonly flushAge: FlushAge;
  forecast: Forecast = { fullInDays: undefined, keepsDays: undefined };
  minFreeBytes = 0;
  /** Below it recording stops. */
  stopBytes = 0;
  stuck: string | undefined;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #folders: readonly string[] = [];
  #freeBytes = 0;
  /** Bytes and time of the last deletion, and the free space before it. */
  #claim: { readonly freeBytes: number; readonly diskBytes: number; readonly atMs: number } | undefined;
  #inVain = 0;
  #isMakingRoom = false;
  #waitUntilMs = 0;
  #oldestStartMs: number | undefined;
  #oldestAskedMs = Number.NEGATIVE_INFINITY;

  /** @param flushDays of earlier runs */
  constructor(clock: Clock, logger: Logger, flushDays?: FlushDays) {
    this.flushAge = new FlushAge(flushDays);
    this.#clock = clock;
    this.#logger = logger;
  }

  update({ folders, totalBytes, freeBytes, minFreeBytes, ageLimitMs, index }: DeviceFacts): void {
    const nowMs = this.#clock.monoMs();
    this.#folders = folders;
    this.#freeBytes = freeBytes;
    this.minFreeBytes = minFreeBytes;
    this.rate.add(nowMs, freeBytes);
    const stopBytes = stopBytesOf(totalBytes, minFreeBytes, this.rate.fillingBytesPerSecond);
    this.stopBytes = stopBytes;
    if (freeBytes >= minFreeBytes) {
      this.stuck = undefined;
      this.#claim = undefined;
      this.#waitUntilMs = 0;
      this.#inVain = 0;
    }
    if (nowMs - this.#oldestAskedMs >= OLDEST_EVERY_MS) {
      this.#oldestAskedMs = nowMs;
      const startUs = oldestBelow(index, folders).next().value?.startUs;
      this.#oldestStartMs = startUs === undefined ? undefined : startUs / 1000;
    }
    const oldestAgeMs =
      this.#oldestStartMs === undefined ? undefined : Math.max(0, this.#clock.wallMs() - this.#oldestStartMs);
    this.forecast = forecast({ freeBytes, minFreeBytes, stopBytes, rate: this.rate, oldestAgeMs, ageLimitMs });
  }

  /** Deletes the oldest recordings if too little space is free; one run at a time. @returns whether it deleted any */
  async freeSpace(index: OldestRecordings, deletions: Deleting, isHere: IsHere, signal: AbortSignal): Promise<boolean> {
    if (this.#isMakingRoom) {
      return false;
    }
    this.#isMakingRoom = true;
    try {
      return await this.#freeSpace(index, deletions, isHere, signal);
    } finally {
      this.#isMakingRoom = false;
    }
  }

  async #freeSpace(
    index: OldestRecordings,
    deletions: Deleting,
    isHere: IsHere,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { minFreeBytes } = this;
    if (minFreeBytes === 0 || this.#freeBytes >= minFreeBytes || !this.#mayDelete()) {
      return false;
    }
    if (!index.isWhole) {
      this.stuck = 'the index of recordings is incomplete; the oldest recordings are deleted afterwards';
      return false;
    }
    const spareBytes = Math.min(minFreeBytes * SPARE_SHARE, 2 ** 30);
    const writtenBytes = this.rate.recentBytesPerSecond * SPARE_SECONDS;
    // Something else may fill the disk fast: not all recordings are deleted at once.
    const aheadBytes = spareBytes + Math.min(writtenBytes, minFreeBytes / 4);
    const wantedBytes = minFreeBytes - this.#freeBytes + aheadBytes;
    const freeBytes = this.#freeBytes;
    const oldest = onThisDisk(oldestBelow(index, this.#folders), isHere);
    const { files, diskBytes, stuck } = await freeSpace(wantedBytes, oldest, this.#folders, deletions, signal);
    const atMs = this.#clock.monoMs();
    if (files > 0) {
      this.#claim = { freeBytes, diskBytes, atMs };
      this.#logger.debug({ folders: this.#folders, files, diskBytes }, 'deleted the oldest recordings');
    }
    this.stuck = stuck !== undefined && freeBytes + diskBytes < minFreeBytes ? stuck : undefined;
    if (files === 0) {
      this.#waitUntilMs = atMs + STUCK_MS;
    }
    return files > 0;
  }

  /** A deletion must have had an effect: otherwise a disk filled by something else would lose all its recordings. */
  #mayDelete(): boolean {
    const nowMs = this.#clock.monoMs();
    if (nowMs < this.#waitUntilMs) {
      return false;
    }
    const claim = this.#claim;
    if (!claim) {
      return true;
    }
    if (this.#freeBytes - claim.freeBytes >= claim.diskBytes / 2) {
      this.#claim = undefined;
      this.#inVain = 0;
      return true;
    }
    if (nowMs - claim.atMs < EFFECT_MS) {
      return false;
    }
    this.#claim = undefined;
    this.#waitUntilMs = nowMs + Math.min(3_600_000, EFFECT_MS * 2 ** this.#inVain);
    this.#inVain += 1;
    this.stuck = 'deleting recordings freed nothing: other files, snapshots or open files use the space';
    return false;
  }
}
