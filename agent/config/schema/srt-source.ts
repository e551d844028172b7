import type { SourceKeys } from './source-keys.ts';
import { passphraseFaults, SRT_PATH_KEYS } from './srt.ts';

/** With the path's keys of the SRT server: a path's keys are those of sources. */
export const SRT_SOURCE: SourceKeys<typeof SRT_PATH_KEYS> = {
  schemes: ['srt'],
  example: 'srt://192.168.1.20:8890?streamid=stream',
  schema: SRT_PATH_KEYS,
  faults: passphraseFaults,
  inert: [],
  renamed: {},
};
