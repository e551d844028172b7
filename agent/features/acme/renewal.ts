import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../base/time/units.ts';
import type { NamedCertificates } from '../../tls/named-certificates.ts';
import type { AcmeFile, StoredAcme, StoredCertificate } from './acme-file.ts';
import type { Challenges } from './order/challenges.ts';
import { type AcmeWhy, acmeFailure, retryMsOf, whyOf } from './order/failure.ts';
import type { OrderedCertificate, OrderRequest } from './order/order.ts';

/** Interval of checks of the port, the names and the time. */
const CHECK_MS = MINUTE_MS;
/** Share of its validity after which a certificate is renewed. */
const RENEW_AT = 2 / 3;
/** Share of the validity by which servers renew earlier, each by another part of it. */
const SPREAD = 1 / 30;
/** First and longest pause after a failure. Let's Encrypt allows five failed checks of a name an hour. */
const PAUSES_MS = { first: 5 * MINUTE_MS, longest: 12 * HOUR_MS };
/** For failures of the connection, which the authority does not count. */
const NETWORK_PAUSES_MS = { first: MINUTE_MS, longest: HOUR_MS };

interface AcmeSettings {
  readonly names: readonly string[];
  readonly email: string;
  readonly directory: string;
}

export interface RenewalOptions {
  readonly settings: AcmeSettings;
  readonly file: Pick<AcmeFile, 'load' | 'save'>;
  readonly certificates: Pick<NamedCertificates, 'use'>;
  readonly challenges: Challenges;
  /** Undefined: requests of the authority arrive at the main port. */
  readonly port: { open(): Promise<void> } | undefined;
  newKey(): Promise<string>;
  order(request: OrderRequest): Promise<OrderedCertificate>;
  /** Whether the time of this machine is known. */
  isClockTrusted(): boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 to 1. */
  readonly random?: () => number;
}

export interface RenewalStatus {
  readonly certificate: { readonly names: readonly string[]; readonly untilMs: number } | undefined;
  readonly isOrdering: boolean;
  readonly failure: { readonly why: AcmeWhy; readonly error: string; readonly sinceMs: number } | undefined;
  /** Unix milliseconds of the next order; undefined: it is under way, or waits for what `failure` names. */
  readonly nextMs: number | undefined;
}

/**
 * Keeps the certificate for the names valid. It stays in use whatever happens to its renewal, also beyond its end: browsers show a warning
 * for it, and would show one without it.
 */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #random: () => number;
  /** Part of `SPREAD` by which this server is early, 0 to 1. */
  readonly #early: number;
  readonly #stop = new AbortController();
  #stored: StoredAcme | undefined;
  #failure: RenewalStatus['failure'];
  #failures = 0;
  #isOrdering = false;
  /** Monotonic milliseconds before which nothing is ordered. */
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  /** Until then the authority wants no request. */
  #refusedUntilMs = Number.NEGATIVE_INFINITY;
  /** The file lacks a part of `#stored`. */
  #isUnsaved = false;
  #wake = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#early = this.#random();
  }

  /** Takes the stored certificate into use, and gets a new one when it is due. @throws PerchError unavailable if the file cannot be read */
  async start(): Promise<void> {
    const { file, certificates } = this.#options;
    this.#stored = await file.load();
    certificates.use(this.#stored?.certificate);
    this.#resume();
    this.#running = this.#run();
  }

  /** Continues the pause of an earlier run: a Perch that keeps restarting would use up what the authority allows. */
  #resume(): void {
    const { settings, clock } = this.#options;
    const wait = this.#stored?.wait;
    if (wait?.directory !== settings.directory || !hasNames(wait, settings.names)) {
      return;
    }
    const { why, error, sinceMs } = wait;
    // A clock that was set back makes no pause longer, and none is longer than the longest that an authority may ask for.
    const passedMs = Math.max(0, clock.wallMs() - wait.atMs);
    const untilMs = (ms: number) => clock.monoMs() + Math.min(ms, 7 * DAY_MS) - passedMs;
    this.#failure = { why: why as AcmeWhy, error, sinceMs };
    this.#failures = wait.failures;
    this.#refusedUntilMs = untilMs(wait.refusedMs);
    this.#pausedUntilMs = untilMs(wait.pauseMs);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#running;
    this.#options.certificates.use(undefined);
  }

  get status(): RenewalStatus {
    const certificate = this.#stored?.certificate;
    return {
      certificate: certificate && { names: certificate.names, untilMs: validityOf(certificate).untilMs },
      isOrdering: this.#isOrdering,
      failure: this.#failure,
      nextMs: this.#nextMs,
    };
  }

  get #nextMs(): number | undefined {
    const { clock } = this.#options;
    const isWaiting = this.#failure !== undefined && NOT_ASKED.includes(this.#failure.why);
    if (this.#isOrdering || isWaiting) {
      return undefined;
    }
    const pauseMs = Math.max(0, this.#pausedUntilMs - clock.monoMs());
    return Math.max(clock.wallMs() + pauseMs, this.#dueMs);
  }

  /** Tries at once. @throws PerchError exhausted while the authority wants no request */
  retry(): void {
    const { clock } = this.#options;
    const waitMs = this.#refusedUntilMs - clock.monoMs();
    if (waitMs > 0) {
      const until = new Date(clock.wallMs() + waitMs).toISOString();
      throw new PerchError('exhausted', `the authority takes no request before ${until}`);
    }
    if (this.#failure) {
      this.#pausedUntilMs = clock.monoMs();
      this.#wake.abort();
    }
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#check();
      } catch (error) {
        // A fault of ours: the certificate stays in use.
        log.error({ err: error }, 'the check of the certificate failed');
      }
      if (!signal.aborted) {
        this.#wake = new AbortController();
        await clock.sleep(CHECK_MS, this.#wake.signal);
      }
    }
  }

  async #check(): Promise<void> {
    const { clock, port } = this.#options;
    await this.#saveRest();
    try {
      await port?.open();
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (this.#failure?.why === 'port') {
      this.#failure = undefined;
    }
    if (clock.monoMs() < this.#pausedUntilMs || clock.wallMs() < this.#dueMs) {
      return;
    }
    if (!this.#options.isClockTrusted()) {
      this.#failed(acmeFailure('clock', 'the time of this machine is not known: set its clock, or switch NTP on'));
      return;
    }
    this.#isOrdering = true;
    try {
      await this.#order();
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        await this.#pause(error, this.#failed(error));
      }
    } finally {
      this.#isOrdering = false;
    }
  }

  async #order(): Promise<void> {
    const { settings, file, certificates, challenges, clock, log } = this.#options;
    const { names, email, directory } = settings;
    const { signal } = this.#stop;
    const accountKey = this.#stored?.accountKey ?? (await this.#options.newKey());
    if (!this.#stored) {
      // Before its first use, so that each start is the same account.
      await file.save({ accountKey });
      this.#stored = { accountKey };
    }
    log.info({ names, directory }, 'asking for a certificate');
    const request = { directory, email, names, accountKey, challenges, clock, signal };
    const ordered = await this.#options.order(request);
    const certificate = { directory, names: [...names], ...ordered };
    certificates.use(certificate);
    this.#failure = undefined;
    this.#failures = 0;
    // The least time between two certificates for the same names, whatever the clock says.
    this.#pausedUntilMs = clock.monoMs() + DAY_MS;
    const until = new Date(validityOf(certificate).untilMs).toISOString();
    log.info({ names, until }, 'certificate issued');
    const fault = await this.#keep({ accountKey, certificate });
    if (fault) {
      this.#failed(fault);
    }
  }

  /** What cannot be saved is in use all the same. @returns why it is not saved */
  async #keep(stored: StoredAcme): Promise<unknown> {
    this.#stored = stored;
    this.#isUnsaved = true;
    try {
      await this.#options.file.save(stored);
      this.#isUnsaved = false;
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Saves what could not be saved: without it the next start asks for another certificate. */
  async #saveRest(): Promise<void> {
    if (!this.#isUnsaved || !this.#stored) {
      return;
    }
    const fault = await this.#keep(this.#stored);
    if (!fault && this.#failure?.why === 'file') {
      this.#failure = undefined;
    } else if (fault && !this.#failure) {
      this.#failed(fault);
    }
  }

  /** Unix milliseconds at which the next certificate is ordered. */
  get #dueMs(): number {
    const { names, directory } = this.#options.settings;
    const certificate = this.#stored?.certificate;
    if (!certificate || certificate.directory !== directory || !hasNames(certificate, names)) {
      return 0;
    }
    const { fromMs, untilMs } = validityOf(certificate);
    return fromMs + (untilMs - fromMs) * (RENEW_AT - this.#early * SPREAD);
  }

  #failed(error: unknown): NonNullable<RenewalStatus['failure']> {
    const { clock, log } = this.#options;
    const [why, text] = [whyOf(error), explain(error)];
    if (this.#failure?.error !== text) {
      const until = this.#stored?.certificate && new Date(validityOf(this.#stored.certificate).untilMs).toISOString();
      log.warn({ why, cause: text, present: until ?? 'none' }, 'no new certificate');
    }
    this.#failure = { why, error: text, sinceMs: this.#failure?.sinceMs ?? clock.wallMs() };
    return this.#failure;
  }

  async #pause(error: unknown, failure: NonNullable<RenewalStatus['failure']>): Promise<void> {
    const { clock, settings } = this.#options;
    this.#failures += 1;
    const { first, longest } = failure.why === 'network' ? NETWORK_PAUSES_MS : PAUSES_MS;
    const usualMs = Math.min(longest, first * 2 ** Math.min(this.#failures - 1, 20)) * (1 + this.#random() / 5);
    const refusedMs = retryMsOf(error);
    const pauseMs = Math.max(refusedMs, usualMs);
    this.#refusedUntilMs = clock.monoMs() + refusedMs;
    this.#pausedUntilMs = clock.monoMs() + pauseMs;
    if (this.#stored && !NOT_COUNTED.includes(failure.why)) {
      const { directory, names } = settings;
      const times = { atMs: clock.wallMs(), pauseMs, refusedMs, failures: this.#failures };
      // What cannot be saved is tried again; the failure that is shown is more important.
      await this.#keep({ ...this.#stored, wait: { directory, names: [...names], ...times, ...failure } });
    }
  }
}

/** Faults of this machine: each check looks again. */
const NOT_ASKED: readonly AcmeWhy[] = ['port', 'clock'];
/** Failures that the authority does not know of. */
const NOT_COUNTED: readonly AcmeWhy[] = [...NOT_ASKED, 'file', 'network'];

/** Unix milliseconds. */
function validityOf({ cert }: Pick<StoredCertificate, 'cert'>): { readonly fromMs: number; readonly untilMs: number } {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  return { fromMs: validFromDate.getTime(), untilMs: validToDate.getTime() };
}

const hasNames = ({ names: has }: Pick<StoredCertificate, 'names'>, names: readonly string[]): boolean =>
  has.length === names.length && names.every((name) => has.includes(name));
