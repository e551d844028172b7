import { pick } from '../../base/pick.ts';
import { SRT_SOURCE } from '../../config/schema/servers/srt.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { LateSource } from '../../protocols/late.ts';

/** MPEG-TS over SRT, as caller. */
export const srtSource: SourceProtocol = {
  apiType: 'srtSource',
  keys: SRT_SOURCE,
  create({ name, settings, config, clock, log }) {
    const options = { ...pick(settings, ['audio']), readTimeoutMs: config.readTimeoutMs };
    return new LateSource('srtSource', async () => {
      const { SrtSource } = await import('./source.ts');
      return new SrtSource({ ...options, name, url: settings.source }, clock, log);
    });
  },
};
