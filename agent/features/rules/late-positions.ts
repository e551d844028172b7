import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { explain } from '../../base/errors.ts';
import { pathSettingsIn, settingsIn } from '../../config/schema/feature-keys.ts';
import { isOff, type PathSettings } from '../../config/schema/path.ts';
import { loadLate } from '../../protocols/late.ts';
import type { FeatureProblem, Host } from '../contract.ts';
import { RULES } from './keys.ts';
import type { Positions } from './positions/positions.ts';

type PositionsHost = Pick<Host, 'dataDir' | 'clock' | 'log' | 'config' | 'paths' | 'steering'>;

/** Positions of cameras, loaded when a path has a guard position or a patrol, or a rule may turn or has turned a camera. */
export class LatePositions {
  readonly #host: PositionsHost;
  #positions: Positions | undefined;
  #loading: Promise<Positions | undefined> | undefined;

  constructor(host: PositionsHost) {
    this.#host = host;
  }

  /** Turns cameras back that a former run has left turned. */
  async applied(): Promise<void> {
    const { config, dataDir } = this.#host;
    const isWanted = (settings: PathSettings): boolean => {
      const { ptzGuard, ptzPatrol } = positionSettingsOf(settings);
      return ptzGuard !== '' || ptzPatrol.length > 0;
    };
    if (this.#positions) {
      this.#positions.apply();
    } else if (
      [...config().paths.values()].some(({ settings }) => settings && isWanted(settings)) ||
      settingsIn(config(), RULES).rules.some(({ then }) => then.some(({ preset }) => preset !== undefined)) ||
      existsSync(join(dataDir, 'positions.json'))
    ) {
      await this.#load();
    }
  }

  streamOpened(): void {
    this.#positions?.streamOpened();
  }

  /** As that of `Positions`. */
  async hold(...asked: Parameters<Positions['hold']>): Promise<string | undefined> {
    const positions = await this.#load();
    return positions ? positions.hold(...asked) : 'its positions cannot be read or kept: see the log';
  }

  /** As that of `Positions`. */
  release(...asked: Parameters<Positions['release']>): void {
    void this.#loading?.then((positions) => positions?.release(...asked));
  }

  isTurning(path: string): boolean {
    return this.#positions?.isTurning(path) === true;
  }

  problems(): readonly FeatureProblem[] {
    return this.#positions?.problems() ?? [];
  }

  async close(): Promise<void> {
    await (await this.#loading)?.close();
  }

  #load(): Promise<Positions | undefined> {
    this.#loading ??= loadLate('positions of cameras', () => import('./positions/positions.ts'))
      .then(async ({ Positions }) => {
        const positions = new Positions(this.#host, positionSettingsOf);
        await positions.begin();
        positions.apply();
        this.#positions = positions;
        return positions;
      })
      .catch((error: unknown) => {
        this.#host.log.error({ reason: explain(error) }, 'cameras are not turned');
        // The next configuration, or the next rule, tries again.
        this.#loading = undefined;
        return undefined;
      });
    return this.#loading;
  }
}

export const positionSettingsOf = (settings: PathSettings) => {
  const { ptzGuard, ptzGuardAfterMs, ptzPatrol } = pathSettingsIn(settings, RULES);
  return { ptzGuard, ptzGuardAfterMs, ptzPatrol, isOff: isOff(settings) };
};
