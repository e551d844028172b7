import type { Paths } from '../../../stream/contracts.ts';

/** The paths, as far as the server needs them. */
export type WebRtcPaths = Pick<Paths, 'open' | 'hasBFrames' | 'mayPublish' | 'publish' | 'mayTalk' | 'talk'>;
