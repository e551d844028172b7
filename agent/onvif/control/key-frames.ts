import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { isOwnFault, unlessBroken } from '../device/media.ts';
import type { OnvifSession } from '../device/session.ts';
import { escapeXml } from '../soap/xml/xml.ts';
import { ownProfile } from './own-profile.ts';

/** Shorter groups are waited for, or sent whole. */
const LONG_GROUP_MS = 4_000;
/** A group that began so lately is at hand. */
const FRESH_MS = 2_000;
/** Each wish costs the camera a large frame, and two calls. */
const MIN_PAUSE_MS = 3_000;
const MAX_PAUSE_MS = 60_000;
/** Many cameras say yes and do nothing. */
const MAX_UNHEEDED = 4;

/** What there is to know of a stream. */
export interface Groups {
  /** How long the running group of pictures lasts already. */
  readonly groupMs: number;
  /** The longest that there was; 0: not known. */
  readonly longestGroupMs: number;
}

export interface KeyFrameOptions {
  readonly groups: Groups;
  readonly clock: Clock;
  /** Passes the wish on to the camera. */
  ask(): Promise<void>;
  /** The camera does not heed it, or there is a fault of our own: it is not asked any more. */
  onGivenUp(reason: string, bug?: unknown): void;
}

/** When a camera is to be asked for a key frame: seldom, and not for long if it does not care. */
export class KeyFrameAsker {
  readonly #options: KeyFrameOptions;
  #askedMs = Number.NEGATIVE_INFINITY;
  #pauseMs = MIN_PAUSE_MS;
  #unheeded = 0;
  #isAsking = false;
  #isGivenUp = false;

  constructor(options: KeyFrameOptions) {
    this.#options = options;
  }

  /** Somebody cannot begin before the next one. @returns whether the camera is asked */
  want(): boolean {
    const { groups, clock } = this.#options;
    const { groupMs, longestGroupMs } = groups;
    const nowMs = clock.monoMs();
    const sinceMs = nowMs - this.#askedMs;
    const isLong = Math.max(groupMs, longestGroupMs) > LONG_GROUP_MS;
    if (this.#isGivenUp || this.#isAsking || !isLong || groupMs < FRESH_MS || sinceMs < this.#pauseMs) {
      return this.#isAsking;
    }
    if (this.#askedMs > Number.NEGATIVE_INFINITY) {
      this.#judge(groupMs > sinceMs);
    }
    if (this.#isGivenUp) {
      return false;
    }
    this.#askedMs = nowMs;
    this.#isAsking = true;
    void this.#ask();
    return true;
  }

  /** @param isUnheeded the group that went on at the last wish goes on still */
  #judge(isUnheeded: boolean): void {
    this.#unheeded = isUnheeded ? this.#unheeded + 1 : 0;
    this.#pauseMs = isUnheeded ? Math.min(2 * this.#pauseMs, MAX_PAUSE_MS) : MIN_PAUSE_MS;
    if (this.#unheeded >= MAX_UNHEEDED) {
      this.#giveUp(`${MAX_UNHEEDED} wishes in a row without a key frame`);
    }
  }

  async #ask(): Promise<void> {
    try {
      await this.#options.ask();
    } catch (error) {
      if (!(error instanceof PerchError) || isOwnFault(error)) {
        this.#giveUp(explain(error), error instanceof PerchError ? undefined : error);
      }
      // One that did not get through is judged as any that had no effect.
    } finally {
      this.#isAsking = false;
    }
  }

  #giveUp(reason: string, bug?: unknown): void {
    this.#isGivenUp = true;
    this.#options.onGivenUp(reason, bug);
  }
}

/** SetSynchronizationPoint: Media 2 where the camera has it, else Media 1 (ONVIF Media §5.14). */
export async function askKeyFrame(session: OnvifSession, token: string | undefined): Promise<void> {
  const profile = token ?? (await ownProfile(session, undefined)).token;
  const call = async (service: 'media' | 'media2', prefix: string): Promise<true> => {
    const body = `<${prefix}:SetSynchronizationPoint><${prefix}:ProfileToken>${escapeXml(profile)}</${prefix}:ProfileToken></${prefix}:SetSynchronizationPoint>`;
    await session.call(service, body, 'SetSynchronizationPointResponse');
    return true;
  };
  const isDone =
    session.has('media2') && session.has('media')
      ? await unlessBroken(() => call('media2', 'tr2'))
      : session.has('media2') && (await call('media2', 'tr2'));
  if (!isDone) {
    await call('media', 'trt');
  }
}
