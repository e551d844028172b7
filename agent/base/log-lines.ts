import type { Clock } from './clock.ts';
import { redact } from './log.ts';
import { eventText, LOG_LEVELS, type LogLevel, levelOf, parseLine } from './log-text.ts';

export interface LogLine {
  /** Counts from 1 in each run. */
  readonly number: number;
  readonly type: 'line';
  readonly level: LogLevel;
  readonly path: string | null;
  readonly text: string;
  /** Whether the line is about a viewer, as most lines of a busy box are. */
  readonly isViewers: boolean;
  /** The whole line as JSON. */
  readonly data: string;
}

export interface LogFilter {
  /** Only lines of this level and more severe ones. */
  readonly level: LogLevel | undefined;
  readonly path: string | undefined;
  /** Text that the line must contain, ignoring case. */
  readonly text: string | undefined;
  /** Whether lines about viewers are left out, unless they are warnings. */
  readonly isWithoutViewers?: boolean;
}

/** Log messages of servers about viewers. */
const OF_VIEWERS = /^(?:more )?(?:HLS|WebRTC) viewers? /;
/** Length above which a line is cut. Stacks are seldom longer. */
const MAX_TEXT = 4_000;

/** The last log lines, in memory. Listeners are called synchronously and must not throw. */
export class LogLines {
  /** Identifies the run: numbers of another run mean other lines. */
  readonly run: string;
  readonly #lines: LogLine[] = [];
  readonly #listeners = new Set<(line: LogLine) => void>();
  #chars = 0;
  #number = 0;

  constructor(clock: Pick<Clock, 'wallMs'>) {
    this.run = Math.floor(clock.wallMs()).toString(36);
  }

  /** @param json a line of the logger */
  add(json: string): void {
    const entry = parseLine(json);
    const path = entry['path'] === undefined ? null : redact(String(entry['path'])).slice(0, MAX_TEXT);
    const whole = eventText(entry);
    const text = whole.length > MAX_TEXT ? `${whole.slice(0, MAX_TEXT - 1)}…` : whole;
    this.#number += 1;
    const [number, level] = [this.#number, levelOf(entry)];
    const data = JSON.stringify({ number, time: String(entry['time']), level, path, text });
    const isViewers = level === 'info' && OF_VIEWERS.test(text);
    const line = { number, type: 'line', level, path, text, isViewers, data } as const;
    this.#lines.push(line);
    this.#chars += data.length;
    // Lines are JSON, mostly ASCII.
    while (this.#lines.length > 5_000 || this.#chars > 1 << 20) {
      this.#chars -= this.#lines.shift()?.data.length ?? 0;
    }
    for (const listener of this.#listeners) {
      listener(line);
    }
  }

  /** @returns the unsubscribe function */
  listen(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Number of the last line; 0: none yet. */
  get last(): number {
    return this.#number;
  }

  /** Lines after this number, oldest first; `missed`: no longer kept. */
  after(number: number): { readonly events: readonly LogLine[]; readonly missed: number } {
    const oldest = this.#lines[0]?.number ?? this.#number + 1;
    return {
      events: this.#lines.filter((line) => line.number > number),
      missed: Math.max(0, oldest - 1 - number),
    };
  }

  /**
   * Matching lines, newest first.
   * @param before only lines with a smaller number
   * @param most maximum number of lines
   */
  find(filter: LogFilter, before: number, most: number): readonly LogLine[] {
    const found: LogLine[] = [];
    for (let at = this.#lines.length - 1; at >= 0 && found.length < most; at -= 1) {
      const line = this.#lines[at];
      if (line && line.number < before && isWanted(line, filter)) {
        found.push(line);
      }
    }
    return found;
  }
}

export function isWanted(line: LogLine, { level, path, text, isWithoutViewers = false }: LogFilter): boolean {
  if (line.isViewers && isWithoutViewers) {
    return false;
  }
  const isGrave = level === undefined || LOG_LEVELS.indexOf(line.level) <= LOG_LEVELS.indexOf(level);
  return isGrave && (path === undefined || line.path === path) && (text === undefined || holds(line, text));
}

const holds = (line: LogLine, text: string): boolean =>
  `${line.path ?? ''} ${line.text}`.toLowerCase().includes(text.toLowerCase());
