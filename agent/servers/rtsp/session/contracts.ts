import type { Paths } from '../../../stream/contracts.ts';

/** The paths, as far as the server needs them. */
export type RtspPaths = Pick<Paths, 'redirectOf' | 'open' | 'mayPublish' | 'publish'>;
