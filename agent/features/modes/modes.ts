import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import Type, { type Static } from 'typebox';
import { endsWithin } from '../../base/clock.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { dayOf } from '../../base/time/days.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { MODES, type Mode } from '../../config/values/modes.ts';
import { fromLocalTime, toLocalTime } from '../../record/file/time-zone.ts';
import type { FeatureProblem, Host } from '../contract.ts';
import { rulesOf } from './effect.ts';
import { MODE_KEYS, type TimetableEntry } from './keys.ts';
import type { ModeControl, ModeStatus } from './routes.ts';

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

const NEVER_SET: State = { mode: 'home', atMs: 0, by: 'timetable', hold: false };

interface ModesHost extends Pick<Host, 'dataDir' | 'clock' | 'log' | 'settings' | 'applyPaths'> {
  readonly events: Pick<Host['events'], 'emit'>;
  readonly recordings: Pick<Host['recordings'], 'isClockTrusted'>;
}

/** The mode in force (home, away, night): as a person or the timetable set it last, stored in a file of the data folder, or in the database that servers share. */
export class Modes implements ModeControl {
  readonly #host: ModesHost;
  readonly #document: StoredDocument<typeof State>;
  #state: State = NEVER_SET;
  /** Of the file, until a person sets the mode. */
  #fault: string | undefined;
  #next: Change | undefined;
  /** Times of the last check of the timetable and of the next one, in Unix milliseconds. */
  #checkedMs = Infinity;
  #dueMs = 0;
  #isTrusted = false;
  /** Monotonic time at which a person set the mode while the time was not known. */
  #setMonoMs: number | undefined;
  #stop = (): void => {};

  constructor(host: ModesHost) {
    this.#host = host;
    this.#document = new StoredDocument(join(host.dataDir, 'mode.json'), State, host.log);
  }

  get current(): Mode {
    return this.#state.mode;
  }

  async begin(): Promise<void> {
    this.#state = (await this.#document.open('the mode is lost')) ?? this.#state;
    // What is found at the start is no change.
    this.#document.follow((stored, former) => this.#take(stored, former), { merges: true });
    this.#fault = this.#document.fault;
    this.#stop = this.#host.clock.eachSecond(() => this.#tick());
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#document.close();
  }

  /** Follows a changed timetable. */
  configure(): void {
    this.#check();
  }

  problems(): readonly FeatureProblem[] {
    const text = `${this.#fault}: mode.json could not be read; set the mode again`;
    return this.#fault === undefined ? [] : [{ why: 'damaged', text, since: null }];
  }

  get status(): ModeStatus {
    const { mode, atMs, by, hold } = this.#state;
    const settings = this.#host.settings();
    const { timetable, timetableZone } = settingsIn(settings, MODE_KEYS);
    const next = this.#isTrusted && !hold ? this.#next : undefined;
    return {
      mode,
      since: atMs === 0 ? null : timeText(atMs),
      by,
      hold,
      next: next ? { mode: next.mode, time: timeText(next.atMs) } : null,
      timeZone: timetableZone || new Intl.DateTimeFormat().resolvedOptions().timeZone,
      used: timetable.length > 0 || [...settings.paths.values()].some(({ settings }) => hasRules(rulesOf(settings))),
      timeKnown: this.#isTrusted,
      lost: this.#fault !== undefined,
    };
  }

  async set({ mode, hold = false }: Parameters<ModeControl['set']>[0]): Promise<ModeStatus> {
    const { clock, applyPaths } = this.#host;
    this.#fault = undefined;
    if (mode === undefined) {
      // Without `hold`, the changes of the timetable since the mode was set count.
      this.#adopt({ ...this.#state, hold });
    } else {
      this.#setMonoMs = this.#isTrusted ? undefined : clock.monoMs();
      this.#adopt({ mode, atMs: clock.wallMs(), by: 'user', hold });
    }
    this.#check();
    const applied = applyPaths();
    await this.#document.save(() => this.#state);
    await endsWithin(clock, PATIENCE_MS, applied);
    return this.status;
  }

  #tick(): void {
    const { clock, recordings, applyPaths } = this.#host;
    const nowMs = clock.wallMs();
    const isNew = this.#isTrusted !== recordings.isClockTrusted;
    if (!isNew && nowMs >= this.#checkedMs && nowMs < this.#dueMs) {
      return;
    }
    const before = this.current;
    this.#check();
    if (this.current !== before) {
      void applyPaths();
    }
  }

  /** Applies the timetable. While the time is not known, the mode stays. */
  #check(): void {
    const { clock, recordings } = this.#host;
    const nowMs = clock.wallMs();
    this.#isTrusted = recordings.isClockTrusted;
    this.#checkedMs = nowMs;
    this.#dueMs = nowMs + CHECK_MS;
    if (!this.#isTrusted) {
      return;
    }
    this.#correctTime(nowMs);
    const { timetable, timetableZone } = settingsIn(this.#host.settings(), MODE_KEYS);
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
    const agoMs = this.#setMonoMs === undefined ? undefined : this.#host.clock.monoMs() - this.#setMonoMs;
    this.#setMonoMs = undefined;
    if (agoMs !== undefined) {
      this.#state = { ...this.#state, atMs: nowMs - agoMs };
    } else if (this.#state.atMs > nowMs + AHEAD_MS) {
      this.#state = { ...this.#state, atMs: nowMs };
    }
  }

  /** The mode as another server has set it. If this one has set it, too, and could not save that yet, the later one counts. */
  #take(stored: State = NEVER_SET, former: State = NEVER_SET): void {
    const isUnsaved = !isDeepStrictEqual(this.#state, former);
    if (isUnsaved && this.#state.atMs > stored.atMs) {
      return;
    }
    const before = this.current;
    this.#fault = undefined;
    this.#setMonoMs = undefined;
    this.#adopt(stored);
    if (this.current !== before) {
      void this.#host.applyPaths();
    }
  }

  #adopt(state: State): void {
    const { log, events } = this.#host;
    const isOther = state.mode !== this.current;
    this.#state = state;
    if (isOther) {
      const { mode, by } = state;
      log.info({ mode, by }, 'mode changed');
      events.emit('box', { state: 'mode', mode, by });
    }
  }
}

const hasRules = (modes: ReturnType<typeof rulesOf>): boolean =>
  Object.values(modes ?? {}).some((rule) => Object.keys(rule ?? {}).length > 0);

const timeText = (ms: number): string => new Date(ms).toISOString();

interface Change {
  readonly mode: Mode;
  /** Unix milliseconds. */
  readonly atMs: number;
}

const WEEK_DAYS = 7;

/** The last change until `nowMs`, and the first one after it. @param zone IANA name, or undefined for the machine's zone */
export function changesAround(
  entries: readonly TimetableEntry[],
  zone: string | undefined,
  nowMs: number,
): { readonly last: Change | undefined; readonly next: Change | undefined } {
  const { year, month, day } = toLocalTime(nowMs, zone);
  let [last, next]: (Change | undefined)[] = [];
  for (let i = -WEEK_DAYS; i <= WEEK_DAYS; i += 1) {
    const date = new Date(Date.UTC(year, month - 1, day + i));
    const name = dayOf(date);
    for (const { days, from, mode } of entries) {
      if (!days.includes(name)) {
        continue;
      }
      const change = { mode, atMs: timeOn(date, from, zone) };
      // If two changes are at the same time, the later entry counts.
      if (change.atMs <= nowMs && change.atMs >= (last?.atMs ?? -Infinity)) {
        last = change;
      } else if (change.atMs > nowMs && change.atMs <= (next?.atMs ?? Infinity)) {
        next = change;
      }
    }
  }
  return { last, next };
}

/** @param date its UTC fields are the local date */
function timeOn(date: Date, from: string, zone: string | undefined): number {
  const [hour = 0, minute = 0] = from.split(':').map(Number);
  const local = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
  return fromLocalTime({ ...local, hour, minute, second: 0 }, zone);
}
