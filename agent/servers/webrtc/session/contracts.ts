import type { Paths } from '../../../stream/contracts.ts';

export interface WebRtcPaths extends Pick<Paths, 'open' | 'hasBFrames' | 'mayPublish' | 'publish' | 'talk'> {
  /** @throws PerchError with the reason */
  mayTalk(name: string): Promise<unknown>;
}
