import Type, { type Static } from 'typebox';
import type { Resolved } from '../values/quantity.ts';
import { GENERAL_KEYS } from './common/general.ts';
import type { ServerKeys } from './common/server-keys.ts';
import { HLS } from './servers/hls.ts';
import { RTMP } from './servers/rtmp.ts';
import { RTSP } from './servers/rtsp.ts';
import { SRT } from './servers/srt.ts';
import { WEBRTC } from './servers/webrtc.ts';

/** The keys of each server. */
export const SERVER_KEYS: readonly ServerKeys[] = [RTSP, HLS, WEBRTC, RTMP, SRT];

/** Top-level settings; `pathDefaults` and `paths` are not among them. */
export const GlobalSchema = Type.Object({
  ...GENERAL_KEYS,
  ...RTSP.schema,
  ...HLS.schema,
  ...WEBRTC.schema,
  ...RTMP.schema,
  ...SRT.schema,
});
export type GlobalSettings = Resolved<Static<typeof GlobalSchema>>;
/** Defaults of Perch's own setup that differ: its page needs the servers, and the disk must not fill up. */
export const OWN_DEFAULTS = { api: true, playback: true, metrics: true, recordMinFree: '10%' } as const;

type NameIn<Key> = Key extends `${infer Name}AllowOrigins` ? Name : never;
/** A server with an HTTP port of its own: its settings begin with its name, `hlsAddress`. */
export type HttpServerName = NameIn<keyof GlobalSettings>;
