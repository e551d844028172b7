import type { Feature } from '../contract.ts';
import { Backfill } from './backfill.ts';
import { BACKFILL } from './keys.ts';
import { backfillRoutes } from './routes.ts';

interface BackfillOptions {
  /** How long a camera has to be back before its card is asked. */
  readonly stableMs?: number;
}

/** @param options for tests */
export const backfillFeature = ({ stableMs = 60_000 }: BackfillOptions = {}): Feature => ({
  name: 'backfill',
  keys: BACKFILL,
  open(host) {
    const backfill = new Backfill(host, stableMs);
    return {
      routes: [{ listener: 'api', mount: async (app) => backfillRoutes(app, backfill) }],
      problems: () => backfill.problems(),
      metrics: () => backfill.metrics(),
      begin: () => backfill.begin(),
      indexed: async () => backfill.start(),
      close: () => backfill.close(),
    };
  },
});

export const backfill = backfillFeature();
