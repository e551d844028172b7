import Type from 'typebox';
import { IpRanges } from '../values/address.ts';
import { Duration } from '../values/duration.ts';

const Hook = (description: string) => Type.String({ default: '', syntax: 'askedUrl', description });

/** Settings of ZLMediaKit's calls and web hooks; a hook without an address is off. */
export const ZLM_KEYS = {
  zlmSecret: Type.String({
    default: '',
    secret: true,
    syntax: 'token',
    description: "Secret of ZLMediaKit's calls (/index/api/...). Empty = the one that Perch made, in its data folder.",
  }),
  zlmAllowIPs: IpRanges('Addresses that may use calls with the secret. Empty = this machine and private networks.'),
  zlmMediaServerId: Type.String({ default: 'perch', maxLength: 100, description: 'mediaServerId in web hooks.' }),
  zlmOnPlay: Hook('Web hook: asked before somebody watches. Its refusal keeps him out.'),
  zlmOnPublish: Hook('Web hook: asked before somebody publishes. Its refusal keeps him out.'),
  zlmOnStreamNotFound: Hook("Web hook: told when a player of ZLMediaKit's waits for a stream that is not there."),
  zlmOnStreamNoneReader: Hook('Web hook: asked whether to close a stream that nobody watches any more.'),
  zlmOnStreamChanged: Hook('Web hook: told of each stream that comes or goes.'),
  zlmOnFlowReport: Hook('Web hook: told what a session has moved, once it has ended.'),
  zlmOnRecordMP4: Hook('Web hook: told of each recording in fMP4 or MP4 that is whole.'),
  zlmOnRecordTS: Hook('Web hook: told of each recording in MPEG-TS that is whole.'),
  zlmOnServerStarted: Hook('Web hook: told when Perch has started.'),
  zlmOnServerKeepalive: Hook('Web hook: told again and again that Perch is there.'),
  zlmKeepaliveInterval: Duration('30s', 'How often zlmOnServerKeepalive is told.'),
  zlmStreamNoneReaderDelay: Duration('20s', 'So long after the last viewer has left zlmOnStreamNoneReader is asked.'),
  zlmHookTimeout: Duration('10s', 'Give up on a web hook that does not answer for this long.'),
  zlmHookRetry: Type.Integer({
    minimum: 0,
    maximum: 10,
    default: 1,
    description: 'Try a failed web hook so often again.',
  }),
  zlmHookRetryDelay: Duration('3s', 'Pause before a web hook is tried again.'),
};
