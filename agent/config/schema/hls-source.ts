import type { SourceKeys } from './source-keys.ts';

/** It has no keys of its own. */
export const HLS_SOURCE: SourceKeys<Record<never, never>> = {
  schemes: ['http', 'https'],
  example: 'https://server.example/garden/index.m3u8',
  schema: {},
  faults: () => [],
  inert: [],
  renamed: {},
};
