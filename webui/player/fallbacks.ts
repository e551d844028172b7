import { type LoadHls, openHls } from './session/hls.ts';
import type { LiveSession, Technology } from './session/live-session.ts';
import { openMse } from './session/mse.ts';
import type { OpenOptions } from './session/whep.ts';

type OpenSession = (video: HTMLVideoElement, options: OpenOptions) => Promise<LiveSession>;

/** The ways that few need: the page has them in a script of its own. */
export type Fallbacks = Readonly<Record<Exclude<Technology, 'WebRTC'>, OpenSession>>;

export const fallbacks = (loadHls: LoadHls): Fallbacks => ({
  MSE: openMse,
  HLS: (video, options) => openHls(video, options, loadHls),
});
