import type { SourceKeys } from './source-keys.ts';

export const RTMP_SOURCE: SourceKeys<Record<never, never>> = {
  schemes: ['rtmp', 'rtmps'],
  example: 'rtmp://192.168.1.20/live/stream',
  schema: {},
  faults: () => [],
  inert: [],
  renamed: {},
};
