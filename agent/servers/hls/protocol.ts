import { resolve } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Part } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import type { AudioForms } from '../../stream/audio-forms.ts';
import { HlsServer, type StreamLookup } from './server/server.ts';

export interface HlsPartDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly paths: StreamLookup;
  readonly transcoder: AudioForms;
  /** Told of the server that is there now. */
  use(server: HlsServer | undefined): void;
}

/** The muxers of HLS. */
export function hlsPart({ clock, log, paths, transcoder, use }: HlsPartDeps): Part<Config> {
  return {
    name: 'HLS muxers',
    settings: optionsOf,
    start: async (config) => {
      const options = { ...optionsOf(config), alwaysRemux: config.hlsAlwaysRemux };
      const server = new HlsServer(options, paths, clock, log, transcoder);
      use(server);
      return () => {
        use(undefined);
        return server.close();
      };
    },
  };
}

const optionsOf = (config: Config) => ({
  variant: config.hlsVariant,
  partDurationMs: config.hlsPartDurationMs,
  cdnSecret: config.hlsCDNSecret,
  directory: config.hlsDirectory && resolve(config.hlsDirectory),
  segmentCount: config.hlsSegmentCount,
  segmentDurationMs: config.hlsSegmentDurationMs,
  segmentMaxBytes: config.hlsSegmentMaxSizeBytes,
  closeAfterMs: config.hlsMuxerCloseAfterMs,
});
