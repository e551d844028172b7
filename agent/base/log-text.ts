import { redact } from './log.ts';

const LEVELS: Readonly<Record<number, string>> = { 20: 'DEB', 30: 'INF', 40: 'WAR', 50: 'ERR', 60: 'ERR' };
/** Shown at their own place, or not of interest to people. */
const SHOWN_APART = new Set(['level', 'time', 'msg', 'path', 'err']);

/**
 * A line of the logger as a person reads it: time, level, path, event, facts.
 * `2026-11-20 07:50:01 WAR [garden] no picture from the camera, trying again reason="connection refused"`
 */
export function textLine(json: string): string {
  const entry = JSON.parse(json) as Record<string, unknown>;
  const time = localTime(new Date(String(entry['time'])));
  const path = entry['path'] === undefined ? '' : `[${withoutControls(String(entry['path']))}] `;
  return `${time} ${LEVELS[Number(entry['level'])] ?? 'INF'} ${redact(path)}${eventText(entry)}\n`;
}

/** What an entry says besides time, level and path: the event, its facts, and the stack of a fault of our own. */
export function eventText(entry: Readonly<Record<string, unknown>>): string {
  const facts = Object.entries(entry)
    .filter(([key]) => !SHOWN_APART.has(key))
    .map(([key, value]) => ` ${key}=${factText(value)}`);
  return `${redact(`${String(entry['msg'] ?? '')}${facts.join('')}`)}${stackOf(entry['err'])}`;
}

/** Only faults of our own are logged with a stack: there it is what a developer needs. */
function stackOf(error: unknown): string {
  const stack = (error as { stack?: unknown } | undefined)?.stack;
  return typeof stack === 'string' ? `\n${redact(stack)}` : '';
}

/** No control character gets to the terminal: some facts are a stranger's words. */
function factText(value: unknown): string {
  const text = typeof value === 'string' && !/[\s"=\p{Cc}]/u.test(value) ? value : JSON.stringify(value);
  // JSON leaves DEL and C1 as they are.
  return withoutControls(text);
}

function withoutControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function localTime(time: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}
