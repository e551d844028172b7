import { redact } from './log.ts';

/** From errors to debugging details. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
/** A line of the logger, parsed. */
type LogEntry = Readonly<Record<string, unknown>>;

export const parseLine = (json: string): LogEntry => JSON.parse(json) as LogEntry;

const SHORT: Readonly<Record<LogLevel, string>> = { error: 'ERR', warn: 'WAR', info: 'INF', debug: 'DEB' };
/** Fields that the line shows elsewhere, or that people do not need. */
const SHOWN_APART = new Set(['level', 'time', 'msg', 'path', 'err']);

/**
 * A log line for people: time, level, path, event, facts.
 * `2026-11-20 07:50:01 WAR [garden] no picture from the camera, retrying reason="connection refused"`
 */
export function textLine(json: string): string {
  const entry = parseLine(json);
  const time = localTime(new Date(String(entry['time'])));
  return `${time} ${SHORT[levelOf(entry)]} ${pathText(entry)}${eventText(entry)}\n`;
}

/** A line for syslog, which adds time and level. */
export function syslogLine(json: string): string {
  const entry = parseLine(json);
  return `${pathText(entry)}${eventText(entry)}\n`;
}

/** A JSON object with MediaMTX's fields `timestamp`, `level` and `message`, the path and the facts. */
export function structuredLine(json: string): string {
  const { time, msg, level, ...facts } = parseLine(json);
  const line = { timestamp: time, level: SHORT[levelOf({ level })], message: msg ?? '', ...facts };
  return `${JSON.stringify(line, (_key, value: unknown) => (typeof value === 'string' ? redact(value) : value))}\n`;
}

/** The level of an entry, which has pino's number for it. */
export function levelOf(entry: LogEntry): LogLevel {
  const number = Number(entry['level']);
  if (number >= 50) {
    return 'error';
  }
  return number >= 40 ? 'warn' : number >= 30 ? 'info' : 'debug';
}

const pathText = ({ path }: LogEntry): string =>
  path === undefined ? '' : `[${redact(withoutControls(String(path)))}] `;

/** Event and facts of an entry, with the stack of a bug. */
export function eventText(entry: LogEntry): string {
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
