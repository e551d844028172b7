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
