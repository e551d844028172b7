import { type LoadHls, openHls } from './hls.ts';
import type { LiveSession, Technology } from './live-session.ts';
import { openMse } from './mse/session.ts';
import type { OpenOptions } from './whep.ts';

type OpenWay = (video: HTMLVideoElement, options: OpenOptions) => Promise<LiveSession>;

/** The ways that few need: the page has them in a script of its own. */
export type OtherWays = Readonly<Record<Exclude<Technology, 'WebRTC'>, OpenWay>>;

export const otherWays = (loadHls: LoadHls): OtherWays => ({
  MSE: openMse,
  HLS: (video, options) => openHls(video, options, loadHls),
});
