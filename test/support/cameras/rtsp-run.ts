import { systemClock } from '../../../agent/base/clock.ts';
import { type Logger, silentLogger } from '../../../agent/base/log.ts';
import { RtspSource } from '../../../agent/sources/rtsp/client.ts';
import type { RtspSourceOptions } from '../../../agent/sources/rtsp/request/settings.ts';
import type { FakeClock } from '../base/fake-clock.ts';
import type { Caller } from './scripted-camera.ts';
import { SourceRun } from './source-run.ts';

export interface RunOptions extends Partial<RtspSourceOptions> {
  readonly log?: Logger;
  /** An earlier source, which has its own options. */
  readonly source?: RtspSource;
}

/** A run of the RTSP source against `url` (or of an earlier source), and its result. */
export class Run extends SourceRun<RtspSource> {
  constructor(
    url: string,
    { log = silentLogger, source, ...options }: RunOptions = {},
    clock: FakeClock | typeof systemClock = systemClock,
  ) {
    super(source ?? new RtspSource({ name: 'garden', url, readTimeoutMs: 5000, ...options }, clock, log));
  }
}

/** The URL of a scripted camera. */
export const url = (camera: { port: number }, rest = '/live') => `rtsp://127.0.0.1:${camera.port}${rest}`;
/** The camera's latest client. */
export const lastCaller = (camera: { callers: readonly Caller[] }): Caller => {
  const caller = camera.callers.at(-1);
  if (!caller) {
    throw new Error('no client has connected');
  }
  return caller;
};
