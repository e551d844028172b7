import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { endsWithin } from '../../base/clock.ts';
import type { PublishEvent } from '../../base/event-bus.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Config } from '../../config/load/load.ts';
import { MODES, type Mode } from '../../config/schema/modes.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import type { Host } from '../../features/contract.ts';
import type { ModeControl, ModeStatus } from '../../http/api/device/mode.ts';
import { type Change, changesAround } from './timetable.ts';

/** Interval of checks, which also find a changed time zone of the box. */
const CHECK_MS = 60_000;
/** If the mode was set further than this in the future, the clock was ahead then. */
const AHEAD_MS = 60_000;
/** The answer to a request waits this long for the cameras. */
const PATIENCE_MS = 3_000;

const State = Type.Object({
  mode: Type.Enum([...MODES]),
  /** Unix milliseconds; 0: the timetable decides. */
  atMs: Type.Number(),
  by: Type.Enum(['user', 'timetable']),
  /** The timetable does not end the mode. */
  hold: Type.Boolean(),
});
type State = Static<typeof State>;

interface ModesOptions extends Pick<Host, 'dataDir' | 'clock' | 'log'> {
  readonly publish: PublishEvent;
  config(): Pick<Config, 'timetable' | 'timetableZone' | 'paths'>;
  isClockTrusted(): boolean;
  /** Applies the mode. Resolves when the cameras follow it. */
  apply(): Promise<void>;
}

/** The mode in force (home, away, night): as a person or the timetable set it last, stored in a file of the data folder. */
export class Modes implements ModeControl {
  readonly #options: ModesOptions;
  readonly #document: StoredDocument<typeof State>;
  #state: State = { mode: 'home', atMs: 0, by: 'timetable', hold: false };
  #next: Change | undefined;
  /** Times of the last check of the timetable and of the next one, in Unix milliseconds. */
  #checkedMs = Infinity;
  #dueMs = 0;
  #isTrusted = false;
  /** Monotonic time at which a person set the mode while the time was not known. */
  #setMonoMs: number | undefined;
  #stop = (): void => {};

  constructor(options: ModesOptions) {
    this.#options = options;
    this.#document = new StoredDocument(join(options.dataDir, 'mode.json'), State, options.log);
  }

  get current(): Mode {
    return this.#state.mode;
  }

  async begin(): Promise<void> {
    this.#state = (await this.#document.open('the mode is lost')) ?? this.#state;
    this.#stop = this.#options.clock.eachSecond(() => this.#tick());
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#document.close();
  }

  /** Follows a changed timetable. */
  configure(): void {
    this.#check();
  }

  get status(): ModeStatus {
    const { mode, atMs, by, hold } = this.#state;
    const { timetable, timetableZone, paths } = this.#options.config();
    const next = this.#isTrusted && !hold ? this.#next : undefined;
    return {
      mode,
      since: atMs === 0 ? null : timeText(atMs),
      by,
      hold,
      next: next ? { mode: next.mode, time: timeText(next.atMs) } : null,
      timeZone: timetableZone || new Intl.DateTimeFormat().resolvedOptions().timeZone,
      used: timetable.length > 0 || [...paths.values()].some(({ settings }) => hasRules(settings?.modes)),
      timeKnown: this.#isTrusted,
    };
  }

  async set({ mode, hold = false }: Parameters<ModeControl['set']>[0]): Promise<ModeStatus> {
    const { clock, apply } = this.#options;
    if (mode === undefined) {
      // Without `hold`, the changes of the timetable since the mode was set count.
      this.#adopt({ ...this.#state, hold });
    } else {
      this.#setMonoMs = this.#isTrusted ? undefined : clock.monoMs();
      this.#adopt({ mode, atMs: clock.wallMs(), by: 'user', hold });
    }
    this.#check();
    const applied = apply();
    await this.#document.save(() => this.#state);
    await endsWithin(clock, PATIENCE_MS, applied);
    return this.status;
  }

  #tick(): void {
    const nowMs = this.#options.clock.wallMs();
    const isNew = this.#isTrusted !== this.#options.isClockTrusted();
    if (!isNew && nowMs >= this.#checkedMs && nowMs < this.#dueMs) {
      return;
    }
    const before = this.current;
    this.#check();
    if (this.current !== before) {
      void this.#options.apply();
    }
  }

  /** Applies the timetable. While the time is not known, the mode stays. */
  #check(): void {
    const { clock, config, isClockTrusted } = this.#options;
    const nowMs = clock.wallMs();
    this.#isTrusted = isClockTrusted();
    this.#checkedMs = nowMs;
    this.#dueMs = nowMs + CHECK_MS;
    if (!this.#isTrusted) {
      return;
    }
    this.#correctTime(nowMs);
    const { timetable, timetableZone } = config();
    const { last, next } = changesAround(timetable, timetableZone || undefined, nowMs);
    this.#next = next;
    this.#dueMs = Math.min(this.#dueMs, next?.atMs ?? Infinity);
    if (last && last.atMs > this.#state.atMs && !this.#state.hold) {
      this.#adopt({ ...last, by: 'timetable', hold: false });
      void this.#document.trySave(() => this.#state, 'the mode cannot be saved');
    }
  }

  /** Corrects the time at which the mode was set, if the clock was wrong then. */
  #correctTime(nowMs: number): void {
    const agoMs = this.#setMonoMs === undefined ? undefined : this.#options.clock.monoMs() - this.#setMonoMs;
    this.#setMonoMs = undefined;
    if (agoMs !== undefined) {
      this.#state = { ...this.#state, atMs: nowMs - agoMs };
    } else if (this.#state.atMs > nowMs + AHEAD_MS) {
      this.#state = { ...this.#state, atMs: nowMs };
    }
  }

  #adopt(state: State): void {
    const { log, publish } = this.#options;
    const isOther = state.mode !== this.current;
    this.#state = state;
    if (isOther) {
      const { mode, by } = state;
      log.info({ mode, by }, 'mode changed');
      publish('box', { state: 'mode', mode, by });
    }
  }
}

const hasRules = (modes: PathSettings['modes']): boolean =>
  Object.values(modes ?? {}).some((rule) => Object.keys(rule ?? {}).length > 0);

const timeText = (ms: number): string => new Date(ms).toISOString();
