import { explain } from '../../base/errors.ts';
import { linkOf, type OnvifLink } from '../../cameras/onvif/onvif-link.ts';
import { pathSettingsIn } from '../../config/schema/feature-keys.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { loadLate } from '../../protocols/late.ts';
import type { Host } from '../contract.ts';
import { FIRST_PAUSE_MS, IDLE_MS, type Summary } from './camera-state.ts';
import { BACKFILL } from './keys.ts';
import { MAX_PAUSE_MS } from './stream-watch.ts';

/** Limit of cameras that are asked at the same time. */
const MAX_AT_ONCE = 4;

/**
 * Asks cameras what their cards hold as soon as they are known, also those that are not recorded or that someone watches: these are a few
 * requests, which the memory of rejected logins limits.
 */
export class CardSummaries {
  readonly #host: Pick<Host, 'clock' | 'log'>;
  readonly #asking = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();

  constructor(host: Pick<Host, 'clock' | 'log'>) {
    this.#host = host;
  }

  /** Asks the camera of a path if that is due. */
  follow(path: string, settings: PathSettings, state: Summary): void {
    const link = linkOf(settings);
    const isOn = pathSettingsIn(settings, BACKFILL).backfill;
    if (!link || !isOn || this.#asking.size >= MAX_AT_ONCE || this.#asking.has(path)) {
      return;
    }
    // It was adopted, or has another address or login.
    const isNew = state.summaryLink !== link.key;
    if (isNew || this.#host.clock.monoMs() >= state.summaryDueMs) {
      state.summaryLink = link.key;
      state.summaryPauseMs = isNew ? FIRST_PAUSE_MS : state.summaryPauseMs;
      const asking = this.#ask(path, link, state).finally(() => this.#asking.delete(path));
      this.#asking.set(path, asking);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#asking.values());
  }

  /** Never rejects. */
  async #ask(path: string, link: OnvifLink, state: Summary): Promise<void> {
    const { clock, log } = this.#host;
    try {
      const { openCard } = await loadLate('cards of cameras', () => import('./fetching/open-card.ts'));
      const { card } = await openCard(link, clock, this.#stop.signal);
      state.card = card ?? null;
      state.summaryPauseMs = FIRST_PAUSE_MS;
      state.summaryDueMs = clock.monoMs() + IDLE_MS;
    } catch (error) {
      state.summaryDueMs = clock.monoMs() + state.summaryPauseMs;
      state.summaryPauseMs = Math.min(MAX_PAUSE_MS, 2 * state.summaryPauseMs);
      log.debug({ path, cause: explain(error) }, 'a camera does not say what its card holds');
    }
  }
}
