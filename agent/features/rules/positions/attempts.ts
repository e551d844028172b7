import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { MINUTE_MS } from '../../../base/time/units.ts';
import { isOperationFault } from '../../../onvif/soap/http/failures.ts';
import type { FeatureProblem } from '../../contract.ts';

const FIRST_PAUSE_MS = 2_000;
/** Also of a camera that cannot turn. */
const LAST_PAUSE_MS = 5 * MINUTE_MS;

interface AttemptsOptions {
  readonly clock: Pick<Clock, 'monoMs' | 'wallMs'>;
  readonly log: Logger;
}

/** When a camera is asked to turn once more: one that is away is asked less and less often. */
export class Attempts {
  readonly #options: AttemptsOptions;
  #failures = 0;
  #dueMs = Number.NEGATIVE_INFINITY;
  #reason: string | undefined;
  #problem: Omit<FeatureProblem, 'name'> | undefined;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  get isDue(): boolean {
    return this.#options.clock.monoMs() >= this.#dueMs;
  }

  /** What went wrong at the last attempt. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** The camera cannot turn. */
  get problem(): Omit<FeatureProblem, 'name'> | undefined {
    return this.#problem;
  }

  /** The next attempt is due. */
  again(): void {
    this.#failures = 0;
    this.#reason = undefined;
    this.#dueMs = Number.NEGATIVE_INFINITY;
  }

  worked(): void {
    this.#failures = 0;
    this.#reason = undefined;
    this.#problem = undefined;
  }

  failed(error: unknown): void {
    const { clock, log } = this.#options;
    const nowMs = clock.monoMs();
    this.#reason = explain(error);
    if (isRefused(error)) {
      this.#dueMs = nowMs + LAST_PAUSE_MS;
      if (!this.#problem) {
        const since = new Date(clock.wallMs()).toISOString();
        this.#problem = { why: 'noPtz', text: `Perch cannot turn the camera: ${explain(error)}`, since };
        log.warn({ reason: explain(error) }, 'the camera cannot be turned');
      }
      return;
    }
    this.#dueMs = nowMs + Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    if (!(error instanceof PerchError)) {
      log.error({ err: error }, 'turning a camera failed');
    } else if (this.#failures === 1) {
      log.info({ reason: explain(error) }, 'the camera does not turn now');
    }
  }
}

/** The camera answers, and does not have what is asked of it. */
export const isRefused = (error: unknown): boolean =>
  isOperationFault(error) ||
  (error instanceof PerchError && ['unsupported', 'notFound', 'badInput'].includes(error.code));
