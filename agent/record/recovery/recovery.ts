import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type FoundRecording, findRecordings } from '../file/find-recordings.ts';
import { RecordPathPattern } from '../file/record-path.ts';
import { diskFs, type SegmentFs, type SegmentHandle } from '../file/segment-fs.ts';
import type { FinishedSegment } from '../file/segment-log.ts';
import { recoverTransportStream } from '../mpegts/ts-recovery.ts';
import { BUSY_MS, planRecovery, type RecoveryPlan } from './recovery-plan.ts';

/** A file of Perch changed this recently may belong to another instance: it is checked twice. */
const SETTLED_MS = 3_000;
const PROGRESS_MS = 30_000;

type RecoveryResult =
  | { readonly kind: 'finished' }
  /** Truncated to its last complete fragment and finished, or its header restored. */
  | {
      readonly kind: 'recovered';
      readonly durationMs: number;
      readonly sizeBytes: number;
      /** Bytes of recorded data that are lost. */
      readonly lostBytes: number;
    }
  /** Another program may be writing it: nothing was done. */
  | { readonly kind: 'busy' }
  /** Foreign: played as far as complete, never changed. */
  | { readonly kind: 'foreign' }
  /** No header or no complete fragment: nothing was done. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Finishes a file left by a power cut, a crash or a full disk. Never deletes it. @param nowMs Unix time */
export async function recoverFile(file: string, nowMs: number, fs: SegmentFs = diskFs): Promise<RecoveryResult> {
  if (file.endsWith('.ts')) {
    const { mtimeMs } = await stateOf(fs, file);
    const result = await recoverTransportStream(fs, file, Math.abs(nowMs - mtimeMs) >= BUSY_MS);
    return result.kind === 'recovered' ? { ...result, sizeBytes: (await stateOf(fs, file)).size } : result;
  }
  const reader = await fs.open(file, 'r');
  const plan = await planRecovery(reader, nowMs).finally(() => reader.close());
  if (plan.kind !== 'plan') {
    return plan;
  }
  const writer = await fs.open(file, 'r+');
  const sizeBytes = await carryOut(plan, writer).finally(() => writer.close());
  return { kind: 'recovered', durationMs: plan.durationMs, sizeBytes, lostBytes: plan.lostBytes };
}

async function stateOf(fs: SegmentFs, file: string): Promise<{ readonly size: number; readonly mtimeMs: number }> {
  const handle = await fs.open(file, 'r');
  return handle.stat().finally(() => handle.close());
}

/** A power cut at any step leaves a file that can be recovered again. @returns the size of the file */
async function carryOut(plan: RecoveryPlan, writer: SegmentHandle): Promise<number> {
  if (plan.torn) {
    await writer.write(plan.torn.bytes, plan.torn.offset);
    await writer.sync();
  }
  for (const { bytes, offset } of plan.holes) {
    await writer.write(bytes, offset);
  }
  await writer.truncate(plan.endOffset);
  let at = plan.endOffset;
  for (const bytes of plan.end) {
    await writer.write(bytes, at);
    at += bytes.length;
  }
  await writer.sync();
  await writer.write(plan.header.bytes, plan.header.offset);
  await writer.sync();
  if (plan.startMs !== undefined) {
    await writer.setTimes(plan.startMs, plan.startMs + plan.durationMs);
  }
  return at;
}

interface RecoveryDeps {
  readonly isOpen: (file: string) => boolean;
  /** The file is known to be complete, so it need not be opened; default: all files are checked. */
  readonly isFinished?: (file: string) => boolean;
  readonly onRecovered?: (segment: FinishedSegment) => void;
  readonly signal?: AbortSignal;
  readonly clock: Pick<Clock, 'wallMs' | 'monoMs' | 'sleep'>;
  readonly logger: Logger;
  readonly fs?: SegmentFs;
}

interface RecoveryReport {
  readonly recovered: readonly string[];
  /** Files that were left unchanged, with the reason. */
  readonly unreadable: readonly { readonly file: string; readonly reason: string }[];
}

/** Finishes leftover files below the record folders. Skips files being written: recording may start meanwhile. */
export async function recoverRecordings(
  recordPaths: readonly string[],
  deps: RecoveryDeps,
  zone?: string,
): Promise<RecoveryReport> {
  const found = new Map<string, FoundRecording>();
  for (const template of recordPaths) {
    await findRecordings(new RecordPathPattern(template, undefined, zone, 'any'), {
      onRecording: (recording) => {
        if (!deps.isOpen(recording.file) && !deps.isFinished?.(recording.file)) {
          found.set(recording.file, recording);
        }
      },
    }).catch((error: unknown) =>
      deps.logger.warn({ recordPath: template, cause: explain(error) }, 'cannot scan for recordings'),
    );
  }
  return new Recovery(deps).run([...found.values()]);
}

class Recovery {
  readonly #deps: RecoveryDeps;
  readonly #fs: SegmentFs;
  readonly #recovered: string[] = [];
  readonly #unreadable: { file: string; reason: string }[] = [];
  #lostBytes = 0;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
    this.#fs = deps.fs ?? diskFs;
  }

  async run(recordings: readonly FoundRecording[]): Promise<RecoveryReport> {
    const { clock, logger, signal } = this.#deps;
    let loggedMs = clock.monoMs();
    for (const [done, recording] of recordings.entries()) {
      if (signal?.aborted) {
        break;
      }
      await this.#recover(recording);
      if (clock.monoMs() - loggedMs >= PROGRESS_MS) {
        loggedMs = clock.monoMs();
        logger.info({ done: done + 1, of: recordings.length }, 'scanning for truncated recordings');
      }
    }
    if (this.#recovered.length > 0) {
      const facts = { recordings: this.#recovered.length, lostBytes: this.#lostBytes };
      logger.info(facts, 'truncated recordings are finished');
    }
    return { recovered: this.#recovered, unreadable: this.#unreadable };
  }

  async #recover(recording: FoundRecording): Promise<void> {
    const { file, path, startUs } = recording;
    const { isOpen, logger, clock, onRecovered } = this.#deps;
    try {
      if (!(await this.#isLeftBehind(file)) || isOpen(file)) {
        return;
      }
      const result = await recoverFile(file, clock.wallMs(), this.#fs);
      if (result.kind === 'recovered') {
        const { durationMs, sizeBytes, lostBytes } = result;
        this.#recovered.push(file);
        this.#lostBytes += lostBytes;
        logger.info({ file, durationMs, lostBytes }, 'recovered a truncated recording');
        onRecovered?.({ path, file, startUs, durationMs, sizeBytes });
      } else if (result.kind === 'unreadable' && file.endsWith('.mp4')) {
        // Logged when it is read into the index.
        this.#unreadable.push({ file, reason: result.reason });
        logger.debug({ file, reason: result.reason }, 'skipped an unreadable recording');
      } else if (result.kind === 'unreadable') {
        this.#leave(file, result.reason, 'skipped an unreadable recording');
      } else if (result.kind === 'busy') {
        this.#leave(file, 'changed within the last minute', 'skipped a recording that another program may be writing');
      } else if (result.kind === 'foreign') {
        logger.debug({ file }, 'skipped an unfinished file without a mark of Perch or MediaMTX');
      }
    } catch (error) {
      this.#unreadable.push({ file, reason: explain(error) });
      logger.warn({ file, folder: dirname(file), cause: explain(error) }, 'cannot finish a recording');
    }
  }

  #leave(file: string, reason: string, message: string): void {
    this.#unreadable.push({ file, reason });
    this.#deps.logger.warn({ file, reason }, message);
  }

  /** Another Perch instance recording to the same folder writes every second. */
  async #isLeftBehind(file: string): Promise<boolean> {
    const { clock, signal } = this.#deps;
    const before = await stateOf(this.#fs, file);
    const ageMs = Math.abs(clock.wallMs() - before.mtimeMs);
    if (ageMs >= SETTLED_MS) {
      return true;
    }
    await clock.sleep(SETTLED_MS - ageMs, signal ?? new AbortController().signal);
    const after = await stateOf(this.#fs, file);
    const isStill = after.size === before.size && after.mtimeMs === before.mtimeMs;
    if (!isStill) {
      this.#leave(file, 'it grows', 'skipped a recording that another program is writing');
    }
    return isStill && signal?.aborted !== true;
  }
}
