import Type from 'typebox';
import type { Config } from '../../../config/load/load.ts';
import { type FeatureKeys, settingsIn } from '../../../config/schema/feature-keys.ts';
import { IpRanges } from '../../../config/values/address.ts';
import { Duration } from '../../../config/values/duration.ts';

const Hook = (description: string) => Type.String({ default: '', isRight: true, syntax: 'askedUrl', description });

/** Settings of ZLMediaKit's calls and web hooks; a hook without an address is off. */
const schema = {
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

export const ZLM: FeatureKeys<typeof schema> = { title: "ZLMediaKit's API", schema };

export const zlmSettings = (config: Config) => settingsIn(config, ZLM);
