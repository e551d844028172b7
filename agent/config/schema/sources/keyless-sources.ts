import { remotePathOf } from '../../values/remote-path.ts';
import type { SourceKeys } from '../common/key-rules.ts';

// Sources without keys of their own.

export const HLS_SOURCE: SourceKeys<Record<never, never>> = {
  schemes: ['http', 'https'],
  example: 'https://server.example/garden/index.m3u8',
  schema: {},
  faults: () => [],
  inert: [],
  renamed: {},
};

export const RTMP_SOURCE: SourceKeys<Record<never, never>> = {
  schemes: ['rtmp', 'rtmps'],
  example: 'rtmp://192.168.1.20/live/stream',
  schema: {},
  faults: () => [],
  inert: [],
  renamed: {},
};

/** A camera of another Perch that is paired. */
export const PERCH_SOURCE: SourceKeys<Record<never, never>> = {
  schemes: ['perch'],
  example: 'perch://1a2b3c4d5e6f7a8b/garden',
  schema: {},
  faults: ({ source }) =>
    /^perch:/i.test(source.trim()) && !remotePathOf(source)
      ? [{ key: 'source', message: 'it is not perch://BOX/PATH, with the id of a paired box: see /v3/boxes/list' }]
      : [],
  inert: [],
  renamed: {},
};
