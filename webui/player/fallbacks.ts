import { type LoadHls, openHls } from './session/hls.ts';
import type { LiveSession, Technology } from './session/live-session.ts';
import { openMse } from './session/mse.ts';
import type { OpenOptions } from './session/whep.ts';

type OpenSession = (video: HTMLVideoElement, options: OpenOptions) => Promise<LiveSession>;

/** Loaded on demand, because few need them. */
export type Fallbacks = Readonly<Record<Exclude<Technology, 'WebRTC'>, OpenSession>>;

export const fallbacks = (loadHls: LoadHls): Fallbacks => ({
  MSE: openMse,
  HLS: (video, options) => openHls(video, options, loadHls),
});
