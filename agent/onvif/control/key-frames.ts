import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { ownProfile } from '../device/media.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { isOperationFault } from '../soap/http/failures.ts';
import { escapeXml } from '../soap/xml/xml.ts';
import type { Way, Ways } from './ways.ts';

/** No key frame is requested in shorter groups of pictures: readers wait for the next one, or get the whole group. */
const LONG_GROUP_MS = 4_000;
/** No key frame is requested if the present group is younger than this: readers can begin with its key frame. */
const FRESH_MS = 2_000;
/** Minimum time between two requests: each costs the camera a large frame and two calls. */
const MIN_PAUSE_MS = 3_000;
/** Number of requests without effect after which no more are sent: many cameras accept them without effect. */
const MAX_IGNORED = 4;

interface KeyFrameOptions {
  /** Age of the current group of pictures, and of the longest so far (0: unknown). */
  readonly gop: { readonly groupMs: number; readonly longestGroupMs: number };
  readonly clock: Clock;
  request(): Promise<void>;
  /** The camera ignores requests, or `bug` happened: no further requests. */
  onStopped(reason: string, bug?: unknown): void;
}

/** Limits key frame requests to a camera and stops them if it ignores them. */
export class KeyFrameRequester {
  readonly #options: KeyFrameOptions;
  #askedMs = Number.NEGATIVE_INFINITY;
  #pauseMs = MIN_PAUSE_MS;
  #ignored = 0;
  #isAsking = false;
  #isGivenUp = false;

  constructor(options: KeyFrameOptions) {
    this.#options = options;
  }

  /** A reader waits for a key frame. @returns whether a request is under way */
  want(): boolean {
    const { groupMs, longestGroupMs } = this.#options.gop;
    const nowMs = this.#options.clock.monoMs();
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

  /** @param isIgnored the group of the last request still continues */
  #judge(isIgnored: boolean): void {
    this.#ignored = isIgnored ? this.#ignored + 1 : 0;
    this.#pauseMs = isIgnored ? Math.min(2 * this.#pauseMs, 60_000) : MIN_PAUSE_MS;
    if (this.#ignored >= MAX_IGNORED) {
      this.#giveUp(`${MAX_IGNORED} requests in a row without a key frame`);
    }
  }

  async #ask(): Promise<void> {
    try {
      await this.#options.request();
    } catch (error) {
      if (!(error instanceof PerchError) || isOperationFault(error)) {
        this.#giveUp(explain(error), error instanceof PerchError ? undefined : error);
      }
      // A request that failed otherwise counts as one without effect.
    } finally {
      this.#isAsking = false;
    }
  }

  #giveUp(reason: string, bug?: unknown): void {
    this.#isGivenUp = true;
    this.#options.onStopped(reason, bug);
  }
}

/** SetSynchronizationPoint: Media 2 where the camera has it, else Media 1 (ONVIF Media §5.14). */
export async function requestKeyFrame(session: OnvifSession, ways: Ways, token: string | undefined): Promise<void> {
  const profile = token ?? (await ownProfile(session, undefined)).token;
  const by = (service: 'media' | 'media2', prefix: string): Way<unknown> => {
    const body = `<${prefix}:SetSynchronizationPoint><${prefix}:ProfileToken>${escapeXml(profile)}</${prefix}:ProfileToken></${prefix}:SetSynchronizationPoint>`;
    return [service, () => session.call(service, body, 'SetSynchronizationPointResponse')];
  };
  const first = session.has('media2') ? [by('media2', 'tr2')] : [];
  const second = session.has('media') || first.length === 0 ? [by('media', 'trt')] : [];
  await ways.use('key frame', [...first, ...second]);
}
