import type { PublishEvent } from '../base/event-bus.ts';
import type { Track } from '../media/sample/track.ts';
import type { Stream } from '../stream/stream.ts';
import type { AlwaysAvailable } from './always-available/always-available.ts';
import type { OnDemandTimes } from './on-demand.ts';
import type { MakeForwarder } from './path-forwards.ts';
import type { PathHooks } from './path-hooks.ts';
import type { PathBox, PathRecorder } from './path-status.ts';
import type { SourceMaker } from './source-runner.ts';

/** Where a path's media comes from. */
export type PathOrigin =
  /** `onDemand`: pulled only while it has readers; absent: always. */
  | { readonly kind: 'pulled'; readonly source: SourceMaker; readonly onDemand: OnDemandTimes | undefined }
  /** `onDemand`: a hook starts the publisher while there are readers. */
  | {
      readonly kind: 'publisher';
      readonly mayOverride: boolean;
      readonly usesSenderClock: boolean;
      readonly isSilent?: boolean;
      readonly demuxesMpegts?: boolean;
      readonly onDemand?: OnDemandTimes | undefined;
    }
  /** Readers are redirected, or the camera is paused or private: there is never a stream. */
  | { readonly kind: 'redirect' | 'paused' | 'private' };

/** Settings that can change while the stream and its readers stay. */
export interface PathTraits {
  /** The entry of the configuration. */
  readonly confName: string;
  readonly title: string | null;
  /** Position of the camera in its owner's order. */
  readonly order?: number | undefined;
  /** When the pause ends, RFC 3339. */
  readonly pausedUntil?: string | undefined;
  /** 0: any number. */
  readonly maxReaders: number;
  /** The kind never changes, only times and permissions. */
  readonly origin: PathOrigin;
}

export interface PathParts extends PathTraits {
  readonly name: string;
  readonly recorder: PathRecorder | undefined;
  readonly hooks?: PathHooks | undefined;
  readonly makeForwarder?: MakeForwarder | undefined;
  /** With `alwaysAvailable`. @param onStream called with each stream for readers */
  readonly makeAlwaysAvailable?: ((onStream: (stream: Stream) => void) => AlwaysAvailable) | undefined;
  /** `released` of the previous path of this name. */
  readonly former?: Promise<void> | undefined;
  /** As in `PathMakers`. */
  readonly noAudioReason?: ((tracks: readonly Track[]) => string | undefined) | undefined;
  /** As in `PathMakers`. */
  readonly box?: (() => PathBox | undefined) | undefined;
  /** Called with each new stream. */
  readonly onStream?: (stream: Stream) => void;
  readonly publishEvent?: PublishEvent | undefined;
  /** Called whenever the path has no source, publisher, request or talk. */
  readonly onIdle?: () => void;
}
