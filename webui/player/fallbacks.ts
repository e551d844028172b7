import { type LoadHls, openHls } from './hls.ts';
import type { LiveSession, Technology } from './live-session.ts';
import { openMse } from './mse/session.ts';
import type { OpenOptions } from './whep.ts';

type OpenSession = (video: HTMLVideoElement, options: OpenOptions) => Promise<LiveSession>;

/** The ways that few need: the page has them in a script of its own. */
export type Fallbacks = Readonly<Record<Exclude<Technology, 'WebRTC'>, OpenSession>>;

export const fallbacks = (loadHls: LoadHls): Fallbacks => ({
  MSE: openMse,
  HLS: (video, options) => openHls(video, options, loadHls),
});
