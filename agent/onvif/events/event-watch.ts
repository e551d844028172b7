import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { isOwnFault } from '../device/media.ts';
import type { OnvifSession } from '../device/session.ts';
import { type CameraTrouble, cameraError, isAway, isReset, troubleOf } from '../soap/http/failures.ts';
import type { Channels } from './channels.ts';
import { endSubscription, PullPoint, type SubscriptionReference } from './pull-point.ts';
import { Sighted } from './sighted.ts';
import type { SightingType } from './topics.ts';

const MAX_PULL_MS = 30_000;
const MIN_PULL_MS = 2_000;
/** Tapo C220 breaks connections after 10 s without news: a shorter wait keeps them. */
const CUT_SHARE = 0.7;
const MAX_RESETS = 3;
/** Pulls that are over sooner than this, again and again, are no waiting: from then on one begins each such time. */
const QUICK_MS = 1_000;
const MAX_QUICK = 5;
/** A camera that has been listened to for so long works: what fails afterwards is tried again soon. */
const STEADY_MS = 60_000;
const FIRST_PAUSE_MS = 5_000;
const MAX_PAUSE_MS = 60_000;
/** It does answer, and never as it should. */
const MAX_FAULT_PAUSE_MS = 3_600_000;
/** Firmware may be changed one day. */
const UNSUPPORTED_PAUSE_MS = 6 * 3_600_000;
/** Somebody has to do something in the camera or to its settings. */
const PERSON_PAUSE_MS = 600_000;
const FOR_PERSONS: readonly (CameraTrouble | undefined)[] = ['lockedOut', 'onvifOff', 'notOnvif', 'clearPassword'];
/** Cameras lock after a few refusals, for up to half an hour. */
const LOGIN_PAUSE_MS = 1_800_000;
const ABOUT_LOGIN: readonly (CameraTrouble | undefined)[] = ['wrongPassword', 'noRights', 'onvifUser'];

/** Longer than the longest pause between two tries. */
const TOLD_FOR_MS = 24 * 3_600_000;
const NOT_HEARD = 'the camera does not tell what it sees';

/** Remembers the subscription of one camera beyond the end of the program. */
export interface SubscriptionMemory {
  /** What is not known to have ended. */
  left(): SubscriptionReference | undefined;
  keep(reference: SubscriptionReference | undefined): void;
}

export interface EventWatchOptions {
  /** Begins to speak to the camera: anew after each failure, for its clock may have gone back with a reboot. */
  open(signal: AbortSignal): Promise<OnvifSession>;
  /** Which of the camera's lenses belong to which channel; asked with each session. */
  channels(session: OnvifSession): Promise<Channels>;
  readonly memory: SubscriptionMemory;
  /** What begins and ends, and before which paths, of which the first is the main one; `undefined`: it has been a moment. Must not throw. */
  tell(paths: readonly string[], type: SightingType, isOn: boolean | undefined): void;
  readonly clock: Clock;
  /** Knows the camera. */
  readonly log: Logger;
}

/** Listens to what one camera sees, for as long as it is wanted. */
export class EventWatch {
  readonly #options: EventWatchOptions;
  readonly #sighted: Sighted;
  readonly #stop = new AbortController();
  /** Beyond `#stop`: the subscription is ended in the camera before this. */
  readonly #calls = new AbortController();
  readonly #running: Promise<void>;
  #pullMs = MAX_PULL_MS;
  #pauseMs = FIRST_PAUSE_MS;
  #reason: string | undefined;
  #channels: Channels | undefined;
  /** When each kind of trouble was last there. */
  readonly #toldMs = new Map<string, number>();
  /** There is a subscription, or it is about to be. */
  #hasPoint = false;
  /** The camera's events have been listened to once in this run. */
  #isHeard = false;
  /** Of what was sighted, as far as it has been looked at. */
  #dropped = 0;

  constructor(options: EventWatchOptions) {
    this.#options = options;
    this.#sighted = new Sighted(options.clock, (channel, type, isOn) => {
      options.tell(this.#channels?.paths(channel) ?? [channel], type, isOn);
    });
    this.#running = this.#run();
  }

  /** Why nothing is heard of the camera; undefined while it is listened to, or nothing is known yet. */
  get trouble(): string | undefined {
    return this.#reason;
  }

  /** Resolves when the subscription is ended, or the camera has not answered to that. */
  async close(): Promise<void> {
    this.#stop.abort();
    if (!this.#hasPoint) {
      this.#calls.abort();
    }
    await this.#running;
    this.#calls.abort();
    this.#sighted.close();
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

  /** One subscription, from its begin to its end. @returns when the next one is to begin at once */
  async #listen(session: OnvifSession, channels: Channels): Promise<void> {
    const { clock, memory } = this.#options;
    let point: PullPoint | undefined;
    let isReachable = true;
    this.#hasPoint = true;
    try {
      point = await PullPoint.create(session, clock);
      memory.keep(point.reference);
      await this.#pullOn(point, channels);
    } catch (error) {
      isReachable = !isAway(error);
      throw error;
    } finally {
      // Of one that cannot be reached it is kept: it is ended when it is there again.
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
          this.#sighted.take(notification, channels.of(notification));
        }
        this.#tellDropped();
      } catch (error) {
        if (signal.aborted) {
          return;
        }
        resets += 1;
        if (!isReset(error) || resets >= MAX_RESETS) {
          throw error;
        }
        this.#learnWait(clock.monoMs() - sinceMs);
      }
      const tookMs = clock.monoMs() - sinceMs;
      quick = tookMs < QUICK_MS ? quick + 1 : 0;
      if (quick > MAX_QUICK) {
        await clock.sleep(QUICK_MS - tookMs, signal);
      }
    }
  }

  /** @returns false: the camera does not renew, a new subscription takes the place of this one */
  async #renewed(point: PullPoint): Promise<boolean> {
    try {
      await point.renew(this.#stop.signal);
      return true;
    } catch (error) {
      if (this.#stop.signal.aborted || isOwnFault(error)) {
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
      this.#options.log[this.#isHeard ? 'debug' : 'info']('the camera tells what it sees');
    }
    this.#isHeard = true;
    this.#reason = undefined;
  }

  /** @returns when to try again */
  #failed(error: PerchError): number {
    const { log } = this.#options;
    const trouble = troubleOf(error);
    const reason = explain(error);
    this.#reason = reason;
    // A camera that is away is told of by its stream.
    const wasAway = isAway(error);
    log[this.#isNews(trouble ?? 'other') && !wasAway ? 'info' : 'debug']({ reason }, NOT_HEARD);
    if (trouble === 'notSupported') {
      return UNSUPPORTED_PAUSE_MS;
    }
    if (ABOUT_LOGIN.includes(trouble)) {
      return LOGIN_PAUSE_MS;
    }
    if (FOR_PERSONS.includes(trouble)) {
      return PERSON_PAUSE_MS;
    }
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, wasAway ? MAX_PAUSE_MS : MAX_FAULT_PAUSE_MS);
    return pauseMs;
  }

  /** A fault of our own. @returns when to begin anew */
  #broken(error: unknown): number {
    this.#options.log.error({ err: error }, 'listening to the camera failed, and begins anew');
    this.#reason = 'internal error';
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, MAX_FAULT_PAUSE_MS);
    return pauseMs;
  }

  #tellDropped(): void {
    const { dropped } = this.#sighted;
    if (dropped > this.#dropped && this.#isNews('dropped')) {
      this.#options.log.info({ dropped }, 'the camera tells more than is kept: the rest of it is left out');
    }
    this.#dropped = dropped;
  }

  /** Each kind of trouble is told once, and again when it has been away for long. */
  #isNews(kind: CameraTrouble | 'dropped' | 'other'): boolean {
    const nowMs = this.#options.clock.monoMs();
    const isNews = nowMs - (this.#toldMs.get(kind) ?? Number.NEGATIVE_INFINITY) > TOLD_FOR_MS;
    this.#toldMs.set(kind, nowMs);
    return isNews;
  }
}
