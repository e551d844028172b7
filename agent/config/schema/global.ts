import Type, { type Static } from 'typebox';
import { IpRanges } from '../values/address.ts';
import { Duration } from '../values/duration.ts';
import type { Resolved } from '../values/quantity.ts';
import { GENERAL_KEYS } from './common/general.ts';
import type { ServerKeys } from './common/server-keys.ts';
import { TIMETABLE_KEYS } from './modes.ts';
import { HLS } from './servers/hls.ts';
import { RTMP } from './servers/rtmp.ts';
import { RTSP } from './servers/rtsp.ts';
import { SRT } from './servers/srt.ts';
import { WEBRTC } from './servers/webrtc.ts';

const Hook = (description: string) => Type.String({ default: '', isRight: true, syntax: 'askedUrl', description });

/** Settings of ZLMediaKit's calls and web hooks; a hook without an address is off. */
const ZLM_KEYS = {
  zlmSecret: Type.String({
    default: '',
    secret: true,
    isRight: true,
    syntax: 'token',
    description:
      "Secret of ZLMediaKit's calls (/index/api/...). Empty = the one that Perch generated in its data folder.",
  }),
  zlmAllowIPs: IpRanges('Addresses that may use calls with the secret. Empty = this box and private networks.', {
    isRight: true,
  }),
  zlmMediaServerId: Type.String({ default: 'perch', maxLength: 100, description: 'mediaServerId in web hooks.' }),
  zlmOnPlay: Hook('Web hook before a client watches. Its refusal rejects the client.'),
  zlmOnPublish: Hook('Web hook before a client publishes. Its refusal rejects the client.'),
  zlmOnStreamNotFound: Hook("Web hook for a player of ZLMediaKit's that waits for a missing stream."),
  zlmOnStreamNoneReader: Hook('Web hook that decides whether to close a stream without viewers.'),
  zlmOnStreamChanged: Hook('Web hook for each stream that starts or ends.'),
  zlmOnFlowReport: Hook('Web hook with the traffic of each session that has ended.'),
  zlmOnRecordMP4: Hook('Web hook for each complete recording in fMP4 or MP4.'),
  zlmOnRecordTS: Hook('Web hook for each complete recording in MPEG-TS.'),
  zlmOnServerStarted: Hook('Web hook after Perch has started.'),
  zlmOnServerKeepalive: Hook('Web hook at regular intervals while Perch runs.'),
  zlmKeepaliveInterval: Duration('30s', 'Interval of zlmOnServerKeepalive.'),
  zlmStreamNoneReaderDelay: Duration('20s', 'Delay of zlmOnStreamNoneReader after the last viewer has left.'),
  zlmHookTimeout: Duration('10s', 'Time limit for the answer of a web hook.'),
  zlmHookRetry: Type.Integer({
    minimum: 0,
    maximum: 10,
    default: 1,
    description: 'Retries of a failed web hook.',
  }),
  zlmHookRetryDelay: Duration('3s', 'Pause before a retry of a web hook.'),
};

/** The keys of each server. */
export const SERVER_KEYS: readonly ServerKeys[] = [RTSP, HLS, WEBRTC, RTMP, SRT];

/** Top-level settings; `pathDefaults` and `paths` are not among them. */
export const GlobalSchema = Type.Object({
  ...GENERAL_KEYS,
  ...TIMETABLE_KEYS,
  ...RTSP.schema,
  ...HLS.schema,
  ...WEBRTC.schema,
  ...RTMP.schema,
  ...SRT.schema,
  ...ZLM_KEYS,
});
export type GlobalSettings = Resolved<Static<typeof GlobalSchema>>;
/** Defaults of Perch's own setup that differ: its page needs the servers, and the disk must not fill up. */
export const OWN_DEFAULTS = { api: true, playback: true, metrics: true, recordMinFree: '10%' } as const;

type NameIn<Key> = Key extends `${infer Name}AllowOrigins` ? Name : never;
/** A server with an HTTP port of its own: its settings begin with its name, `hlsAddress`. */
export type HttpServerName = NameIn<keyof GlobalSettings>;
