import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GuestClip } from '../../auth/accounts/guests.ts';
import type { ViewLog } from '../../auth/accounts/view-log.ts';
import { PerchError } from '../../base/errors.ts';
import type { SharedClips } from '../../http/api/accounts/shared-clip-routes.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { sendDownload } from '../../playback/stores/send-download.ts';
import type { Recordings } from '../../recordings/recordings.ts';

interface GuestClipsDeps {
  readonly access: Pick<HttpAccess, 'identify'>;
  readonly recordings: Pick<Recordings, 'playback' | 'space' | 'titleOf'>;
  readonly views: Pick<ViewLog, 'touch'>;
}

/** Clips of guest links. A link shows its clip as long as the library has it. */
export class GuestClips implements SharedClips {
  readonly #deps: GuestClipsDeps;

  constructor(deps: GuestClipsDeps) {
    this.#deps = deps;
  }

  /** The range of a clip of the library. */
  find(id: string): GuestClip {
    const { path, startUs, endUs } = this.#deps.recordings.space.protectedRanges.find(id);
    return { path, startUs, endUs };
  }

  async describe(clip: GuestClip): Promise<object> {
    this.#require(clip);
    const { playback } = this.#deps.recordings;
    const { bytes, recordedUs } = await playback.measure(clip);
    return {
      title: this.#titleOf(clip),
      start: playback.localTime(clip.startUs),
      end: playback.localTime(clip.endUs),
      bytes,
      recordedSeconds: recordedUs / 1e6,
    };
  }

  async send(clip: GuestClip, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    this.#require(clip);
    const { access, recordings, views } = this.#deps;
    const { path, startUs, endUs } = clip;
    const { sessionUser = '', ip } = access.identify(request);
    views.touch(path, sessionUser, ip);
    const wanted = { path, startUs, durationUs: endUs - startUs, format: 'mp4', skipsGaps: true } as const;
    return sendDownload(recordings.playback, { wanted, offsetMs: 0, title: this.#titleOf(clip) }, request, reply);
  }

  /** Clips are compared by range, so that the links of a clip that was removed and restored work again. */
  #require({ path, startUs, endUs }: GuestClip): void {
    const { all } = this.#deps.recordings.space.protectedRanges;
    if (!all.some((one) => one.path === path && one.startUs === startUs && one.endUs === endUs)) {
      throw new PerchError('notFound', 'this clip is no longer available');
    }
  }

  #titleOf({ path }: GuestClip): string {
    return this.#deps.recordings.titleOf(path) ?? path;
  }
}
