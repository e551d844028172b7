import { stat } from 'node:fs/promises';
import { explain, PerchError } from '../../base/errors.ts';
import { resolvePath } from '../../config/load/load.ts';
import { pathSettingsIn } from '../../config/schema/feature-keys.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import type { SegmentRow } from '../../playback/index/segment-row.ts';
import { signRecording } from '../../playback/signing/sign-recording.ts';
import { codeOf, unlessFileFault } from '../../record/file/disk-fault.ts';
import type { Segment } from '../../record/file/segment-log.ts';
import { inBatches } from '../../record/retention/delete-path.ts';
import { removeSignatures, saveSignatures, signatureFileOf } from '../../record/signing/signature-file.ts';
import type { SigningKey } from '../../record/signing/signing-key.ts';
import type { Host } from '../contract.ts';
import { SIGNING } from './keys.ts';
import { openSigningKey } from './stored-key.ts';

/** Pause after each group, in multiples of its time: three quarters of the time are left to others. */
const PAUSES = 3;
/** Interval at which the signer asks whether a recorder still waits for its disk: until then it reads nothing. */
const HELD_UP_MS = 1_000;
const WEEK_US = 7 * 86_400_000_000;

type RecordingSignerDeps = Pick<Host, 'dataDir' | 'clock' | 'log' | 'config'> & {
  readonly recordings: Pick<Host['recordings'], 'playback' | 'isHeldUp' | 'signed'> & {
    readonly recorders: Pick<Host['recordings']['recorders'], 'onFinished'>;
  };
};

/** Signs finished recordings of the paths that want it (`recordSign`), one at a time, in what time is left. */
export class RecordingSigner {
  readonly #deps: RecordingSignerDeps;
  readonly #waiting: Segment[] = [];
  #signal: AbortSignal | undefined;
  #working: Promise<void> | undefined;
  #key: Promise<SigningKey> | undefined;

  constructor(deps: RecordingSignerDeps) {
    this.#deps = deps;
    deps.recordings.recorders.onFinished((segment) => this.#finished(segment));
  }

  /** A recording is complete. */
  #finished({ path, file, startUs }: Segment): void {
    // Those beyond this number are signed after the next start.
    if (this.#isWanted(path) && this.#waiting.length < 20_000) {
      this.#waiting.push({ path, file, startUs });
      this.#work();
    }
  }

  /** Signs what a power cut or a stop left unsigned in the last week, from now on until `signal` aborts. */
  async begin(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const { clock, config, recordings } = this.#deps;
    const { playback } = recordings;
    const nowUs = clock.wallMs() * 1000;
    const { paths, pathDefaults } = config();
    const isUsed = [pathDefaults, ...[...paths.values()].map(({ settings }) => settings)].some(isSigned);
    for (const path of isUsed ? await playback.names() : []) {
      if (!this.#isWanted(path)) {
        continue;
      }
      const rows = inBatches<SegmentRow>((limit, after) =>
        playback.space.finishedFrom(path, nowUs - WEEK_US, Number.MAX_SAFE_INTEGER, limit, after),
      );
      for (const row of rows) {
        if (signal.aborted) {
          return;
        }
        if (await stat(signatureFileOf(row.file)).catch(unlessFileFault)) {
          this.#deps.recordings.signed(row);
        } else {
          this.#finished(row);
        }
      }
    }
    this.#work();
  }

  async close(): Promise<void> {
    await this.#working;
  }

  #isWanted(path: string): boolean {
    return isSigned(resolvePath(this.#deps.config(), path)?.settings);
  }

  #openKey(): Promise<SigningKey> {
    this.#key ??= openSigningKey(this.#deps.dataDir, this.#deps.log).catch((error: unknown) => {
      this.#key = undefined;
      throw error;
    });
    return this.#key;
  }

  #work(): void {
    const signal = this.#signal;
    if (signal && !this.#working && this.#waiting.length > 0) {
      this.#working = this.#signAll(signal).finally(() => {
        this.#working = undefined;
      });
    }
  }

  async #signAll(signal: AbortSignal): Promise<void> {
    const { log } = this.#deps;
    for (let next = this.#waiting.shift(); next && !signal.aborted; next = this.#waiting.shift()) {
      try {
        await this.#sign(next, signal);
      } catch (error) {
        if (signal.aborted) {
          return;
        }
        if (!(error instanceof PerchError) && codeOf(error) === '') {
          log.error({ err: error, file: next.file }, 'signing a recording failed');
        } else {
          log.warn({ file: next.file, cause: explain(error) }, 'cannot sign a recording');
        }
      }
    }
  }

  async #sign(segment: Segment, signal: AbortSignal): Promise<void> {
    const { path, file, startUs } = segment;
    const { clock, recordings } = this.#deps;
    // The recording ended while the start looked for unsigned ones, and is signed already.
    if (await stat(signatureFileOf(file)).catch(unlessFileFault)) {
      return;
    }
    const key = await this.#openKey();
    const tabled = await recordings.playback.tables.of({ file }, signal);
    let begunMs = clock.monoMs();
    const section = await signRecording(tabled, key, {
      path,
      startUs,
      nowUs: () => clock.wallMs() * 1000,
      pace: async () => {
        await clock.sleep(PAUSES * (clock.monoMs() - begunMs), signal);
        while (recordings.isHeldUp && !signal.aborted) {
          await clock.sleep(HELD_UP_MS, signal);
        }
        signal.throwIfAborted();
        begunMs = clock.monoMs();
      },
    });
    await saveSignatures(file, section);
    // The recording was deleted or moved meanwhile.
    if (!(await stat(file).catch(unlessFileFault))) {
      await removeSignatures(file);
      return;
    }
    this.#deps.recordings.signed(segment);
  }
}

const isSigned = (settings: PathSettings | undefined): boolean =>
  settings !== undefined && pathSettingsIn(settings, SIGNING).recordSign;
