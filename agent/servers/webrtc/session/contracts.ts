import type { Paths } from '../../../stream/contracts.ts';

export type WebRtcPaths = Pick<Paths, 'open' | 'hasBFrames' | 'mayPublish' | 'publish' | 'mayTalk' | 'talk'>;
