import type { Paths } from '../../../stream/contracts.ts';

export type RtspPaths = Pick<Paths, 'redirectOf' | 'open' | 'mayPublish' | 'publish' | 'mayTalk' | 'talk'>;
