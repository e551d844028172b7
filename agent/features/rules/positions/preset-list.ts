import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import { MINUTE_MS } from '../../../base/time/units.ts';
import type { FeatureProblem } from '../../contract.ts';

/** The list is read again after this time, and a missing preset looked for again. */
const READ_MS = 5 * MINUTE_MS;
const MAX_SHOWN_CHARS = 64;

interface Preset {
  readonly token: string;
  readonly name: string;
}

interface PresetListOptions {
  readonly clock: Pick<Clock, 'monoMs' | 'wallMs'>;
  readonly log: Logger;
  read(): Promise<readonly Preset[]>;
}

/** The presets of a camera, and those that it is asked for and does not have. */
export class PresetList {
  readonly #options: PresetListOptions;
  #read: { readonly atMs: number; readonly items: readonly Preset[] } | undefined;
  readonly #missing = new Map<string, { readonly untilMs: number; readonly since: string }>();

  constructor(options: PresetListOptions) {
    this.#options = options;
  }

  /** The next call reads the list. */
  forget(): void {
    this.#read = undefined;
    for (const [preset, { since }] of this.#missing) {
      this.#missing.set(preset, { untilMs: Number.NEGATIVE_INFINITY, since });
    }
  }

  /** Forgets that others are missing. */
  keep(presets: ReadonlySet<string>): void {
    for (const preset of this.#missing.keys()) {
      if (!presets.has(preset)) {
        this.#missing.delete(preset);
      }
    }
  }

  /** Whether it is worth asking for a preset. */
  mayHave(preset: string): boolean {
    return this.#options.clock.monoMs() >= (this.#missing.get(preset)?.untilMs ?? Number.NEGATIVE_INFINITY);
  }

  /** @param preset name or token; a name goes before. @returns its token, or undefined if there is none @throws PerchError */
  async tokenOf(preset: string): Promise<string | undefined> {
    const nowMs = this.#options.clock.monoMs();
    const isFresh = this.#read !== undefined && nowMs - this.#read.atMs < READ_MS;
    let found = isFresh ? this.#find(preset) : undefined;
    if (found === undefined) {
      this.#read = { atMs: nowMs, items: await this.#options.read() };
      found = this.#find(preset);
    }
    if (found === undefined) {
      this.missed(preset);
    } else {
      this.#missing.delete(preset);
    }
    return found;
  }

  /** The camera rejects it. */
  missed(preset: string): void {
    const { clock, log } = this.#options;
    const known = this.#missing.get(preset);
    if (!known) {
      log.warn({ preset: preset.slice(0, MAX_SHOWN_CHARS) }, 'the camera has no such preset');
    }
    const since = known?.since ?? new Date(clock.wallMs()).toISOString();
    this.#read = undefined;
    this.#missing.set(preset, { untilMs: clock.monoMs() + READ_MS, since });
  }

  problems(): readonly Omit<FeatureProblem, 'name'>[] {
    return [...this.#missing].map(([preset, { since }]) => ({
      why: 'preset',
      text: `the camera has no preset '${preset.slice(0, MAX_SHOWN_CHARS)}': save it, or choose another one`,
      since,
    }));
  }

  #find(preset: string): string | undefined {
    const items = this.#read?.items ?? [];
    return (items.find(({ name }) => name === preset) ?? items.find(({ token }) => token === preset))?.token;
  }
}
