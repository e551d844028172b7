import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { EventKind } from '../../base/event-kinds.ts';
import type { Logger } from '../../base/log.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import {
  type CameraTrouble,
  cameraError,
  isOperationFault,
  isReset,
  isUnreachable,
  troubleOf,
} from '../soap/http/failures.ts';
import type { Channels } from './channels.ts';
import { Detections, type UnknownTopic } from './detections.ts';
import { endSubscription, PullPoint, type SubscriptionReference } from './pull-point.ts';
import { RelayStates } from './relay-states.ts';

const MIN_PULL_MS = 2_000;
/** Tapo C220 resets connections after 10 s without an event: a shorter wait avoids that. */
const CUT_SHARE = 0.7;
/** After several pulls shorter than this, pulls start at this interval. */
const QUICK_MS = 1_000;
/** After this long the subscription works: a later failure is retried soon. */
const STEADY_MS = 60_000;
const FIRST_PAUSE_MS = 5_000;
/** Longest pause for a camera that replies, but always wrongly. */
const MAX_FAULT_PAUSE_MS = 3_600_000;
/** Pauses after failures that do not end soon. */
const TROUBLE_PAUSES_MS: Partial<Record<CameraTrouble, number>> = {
  // A firmware update may add events.
  notSupported: 6 * 3_600_000,
  // The user must change something.
  lockedOut: 600_000,
  onvifOff: 600_000,
  notOnvif: 600_000,
  clearPassword: 600_000,
  // Cameras lock after a few rejections, for up to half an hour.
  wrongPassword: 1_800_000,
  noRights: 1_800_000,
  onvifUser: 1_800_000,
};

/** A kind of trouble that was absent for this long is logged again. Longer than the longest pause between two tries. */
const REPORTED_FOR_MS = 24 * 3_600_000;
/** Tries without an answer before that is logged: a camera that has just gone is soon missed as a stream. */
const TRIES_UNANSWERED = 3;
const FAILED = 'events of the camera are not received';

/** Stores the subscription of one camera beyond the end of the program. */
export interface SubscriptionMemory {
  /** A subscription that may still exist in the camera. */
  left(): SubscriptionReference | undefined;
  keep(reference: SubscriptionReference | undefined): void;
}

interface EventSubscriptionOptions {
  /** Opens a session: again after each failure, because a reboot may reset the camera's clock. */
  open(signal: AbortSignal): Promise<OnvifSession>;
  channels(session: OnvifSession): Promise<Channels>;
  readonly memory: SubscriptionMemory;
  /** The camera's streams are missing, which is reported already. */
  isMissing(): boolean;
  /**
   * Called when a detection of these paths starts or ends; the first is the main path; `undefined`: momentary. Must not throw.
   * @param topic that no rule names, by whose words the type was chosen
   */
  notify(paths: readonly string[], type: EventKind, isOn: boolean | undefined, topic?: string): void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Receives the events of one camera until closed. */
export class EventSubscription {
  readonly #options: EventSubscriptionOptions;
  readonly #detections: Detections;
  readonly #relays = new RelayStates();
  readonly #stop = new AbortController();
  /** Outlives `#stop`, so that the subscription can be ended in the camera. */
  readonly #calls = new AbortController();
  readonly #running: Promise<void>;
  #pullMs = 30_000;
  #pauseMs = FIRST_PAUSE_MS;
  /** Tries without an answer in a row. */
  #unanswered = 0;
  /** It has been logged that no events are received. */
  #isReported = false;
  #reason: string | undefined;
  #channels: Channels | undefined;
  readonly #reportedMs = new Map<string, number>();
  /** There is a subscription, or it is being created. */
  #hasPoint = false;
  #isHeard = false;
  /** `dropped` of the detections when last checked. */
  #dropped = 0;

  constructor(options: EventSubscriptionOptions) {
    this.#options = options;
    this.#detections = new Detections(
      options.clock,
      (channel, type, isOn, topic) => options.notify(this.#channels?.paths(channel) ?? [channel], type, isOn, topic),
      ({ topic, type = 'none' }) => options.log.info({ topic, event: type }, 'the camera reports an unknown topic'),
    );
    this.#running = this.#run();
  }

  /** Why no events are received; undefined while they are, or before the first try. */
  get trouble(): string | undefined {
    return this.#reason;
  }

  /** Topics that no rule names. */
  get unknownTopics(): readonly UnknownTopic[] {
    return this.#detections.unknown;
  }

  /** Whether a relay is on, as the camera has reported it; undefined: it is not known. */
  isRelayOn(token: string): boolean | undefined {
    return this.#relays.get(token);
  }

  /** Resolves when the subscription is ended, or the camera has not replied to that. */
  async close(): Promise<void> {
    this.#stop.abort();
    if (!this.#hasPoint) {
      this.#calls.abort();
    }
    await this.#running;
    this.#calls.abort();
    this.#detections.close();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const session = await this.#open();
        const channels = await this.#options.channels(session);
        this.#channels = channels;
        while (!signal.aborted) {
          await this.#listen(session, channels);
        }
      } catch (error) {
        if (signal.aborted) {
          return;
        }
        this.#relays.forget();
        await clock.sleep(error instanceof PerchError ? this.#failed(error) : this.#broken(error), signal);
      }
    }
  }

  async #open(): Promise<OnvifSession> {
    const { memory } = this.#options;
    const session = await this.#options.open(this.#calls.signal);
    if (!session.has('events')) {
      throw cameraError('notSupported', 'the camera has no events', { host: session.host });
    }
    const left = memory.left();
    if (left) {
      await endSubscription(session, left);
      memory.keep(undefined);
    }
    return session;
  }

  /** Receives the events of one subscription. Resolves when the next one may start at once. */
  async #listen(session: OnvifSession, channels: Channels): Promise<void> {
    const { clock, memory } = this.#options;
    let point: PullPoint | undefined;
    let isReachable = true;
    this.#hasPoint = true;
    try {
      point = await PullPoint.create(session, clock);
      memory.keep(point.reference);
      this.#relays.renewed();
      await this.#pullOn(point, channels);
    } catch (error) {
      isReachable = !isUnreachable(error);
      throw error;
    } finally {
      // While the camera is unreachable the reference is kept, to end the subscription later.
      if (point && isReachable) {
        await point.end();
        memory.keep(undefined);
      }
      this.#hasPoint = false;
    }
  }

  async #pullOn(point: PullPoint, channels: Channels): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    const beganMs = clock.monoMs();
    let resets = 0;
    let quick = 0;
    while (!signal.aborted) {
      if (point.isDue && !(await this.#renewed(point))) {
        return;
      }
      const sinceMs = clock.monoMs();
      try {
        const notifications = await point.pull(this.#pullMs, signal);
        resets = 0;
        this.#heard(clock.monoMs() - beganMs);
        for (const notification of notifications) {
          this.#detections.take(notification, channels.of(notification));
          this.#relays.take(notification);
        }
        this.#relays.heard();
        this.#logDropped();
      } catch (error) {
        if (signal.aborted) {
          return;
        }
        resets += 1;
        if (!isReset(error) || resets >= 3) {
          throw error;
        }
        this.#learnWait(clock.monoMs() - sinceMs);
      }
      const tookMs = clock.monoMs() - sinceMs;
      quick = tookMs < QUICK_MS ? quick + 1 : 0;
      if (quick > 5) {
        await clock.sleep(QUICK_MS - tookMs, signal);
      }
    }
  }

  /** @returns false if the camera does not renew: a new subscription follows */
  async #renewed(point: PullPoint): Promise<boolean> {
    try {
      await point.renew(this.#stop.signal);
      return true;
    } catch (error) {
      if (this.#stop.signal.aborted || isOperationFault(error)) {
        return false;
      }
      throw error;
    }
  }

  #learnWait(waitedMs: number): void {
    if (waitedMs >= MIN_PULL_MS) {
      this.#pullMs = Math.max(MIN_PULL_MS, Math.min(this.#pullMs, waitedMs * CUT_SHARE));
    }
  }

  #heard(lastedMs: number): void {
    if (lastedMs >= STEADY_MS) {
      this.#pauseMs = FIRST_PAUSE_MS;
    }
    if (!this.#isHeard || this.#reason !== undefined) {
      this.#options.log[this.#isHeard && !this.#isReported ? 'debug' : 'info']('events of the camera are received');
    }
    this.#isHeard = true;
    this.#isReported = false;
    this.#unanswered = 0;
    this.#reason = undefined;
  }

  /** @returns the pause before the next try */
  #failed(error: PerchError): number {
    const { log, isMissing } = this.#options;
    const trouble = troubleOf(error);
    const reason = explain(error);
    this.#reason = reason;
    const wasAway = isUnreachable(error);
    this.#unanswered = wasAway ? this.#unanswered + 1 : 0;
    const isKnown = wasAway && (this.#unanswered < TRIES_UNANSWERED || this.#isReported || isMissing());
    const isLoud = !isKnown && this.#isNews(trouble ?? 'other');
    this.#isReported ||= isLoud;
    log[isLoud ? 'info' : 'debug']({ reason }, FAILED);
    return (trouble && TROUBLE_PAUSES_MS[trouble]) ?? this.#nextPauseMs(wasAway ? 60_000 : MAX_FAULT_PAUSE_MS);
  }

  #nextPauseMs(maxMs: number): number {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, maxMs);
    return pauseMs;
  }

  /** Logs a bug. @returns the pause before the restart */
  #broken(error: unknown): number {
    this.#options.log.error({ err: error }, 'receiving camera events failed, restarting');
    this.#reason = 'internal error';
    return this.#nextPauseMs(MAX_FAULT_PAUSE_MS);
  }

  #logDropped(): void {
    const { dropped } = this.#detections;
    if (dropped > this.#dropped && this.#isNews('dropped')) {
      this.#options.log.info({ dropped }, 'too many camera events, some are dropped');
    }
    this.#dropped = dropped;
  }

  /** Each kind of trouble is logged once, and again after a long absence. */
  #isNews(kind: CameraTrouble | 'dropped' | 'other'): boolean {
    const nowMs = this.#options.clock.monoMs();
    const isNews = nowMs - (this.#reportedMs.get(kind) ?? Number.NEGATIVE_INFINITY) > REPORTED_FOR_MS;
    this.#reportedMs.set(kind, nowMs);
    return isNews;
  }
}
