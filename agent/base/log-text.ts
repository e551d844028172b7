import { redact } from './log.ts';

const LEVELS: Readonly<Record<number, string>> = { 20: 'DEB', 30: 'INF', 40: 'WAR', 50: 'ERR', 60: 'ERR' };
/** Shown separately, or irrelevant for people. */
const SHOWN_APART = new Set(['level', 'time', 'msg', 'path', 'err']);

/**
 * A log line for people: time, level, path, event, facts.
 * `2026-11-20 07:50:01 WAR [garden] no picture from the camera, retrying reason="connection refused"`
 */
export function textLine(json: string): string {
  const entry = JSON.parse(json) as Record<string, unknown>;
  const time = localTime(new Date(String(entry['time'])));
  const path = entry['path'] === undefined ? '' : `[${withoutControls(String(entry['path']))}] `;
  return `${time} ${LEVELS[Number(entry['level'])] ?? 'INF'} ${redact(path)}${eventText(entry)}\n`;
}

/** Event and facts of an entry, with the stack of a bug. */
export function eventText(entry: Readonly<Record<string, unknown>>): string {
  const facts = Object.entries(entry)
    .filter(([key]) => !SHOWN_APART.has(key))
    .map(([key, value]) => ` ${key}=${factText(value)}`);
  return `${redact(`${String(entry['msg'] ?? '')}${facts.join('')}`)}${stackOf(entry['err'])}`;
}

/** Only bugs are logged with a stack. */
function stackOf(error: unknown): string {
  const stack = (error as { stack?: unknown } | undefined)?.stack;
  return typeof stack === 'string' ? `\n${redact(stack)}` : '';
}

/** Without control characters, because some facts come from outside. */
function factText(value: unknown): string {
  const text = typeof value === 'string' && !/[\s"=\p{Cc}]/u.test(value) ? value : JSON.stringify(value);
  // JSON leaves DEL and C1 unescaped.
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
