import { type Logger, type LoggerOptions, pino } from 'pino';

export type { Logger } from 'pino';

/** `user:password@` in a URL and `token=`/`jwt=`/`pass=` in a query never reach a log, an API answer or an error page. */
export function redact(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*(?:@[^\s/@]*)*@/gi, '$1')
    .replace(/([?&;](?:token|jwt|pass|password|secret|session)=)[^&\s"']*/gi, '$1***');
}

/**
 * The program's logger. Children bind identity (`path`, `source`, `session`), so that code logs only the event:
 * a constant phrase, facts as fields with units. error = a person must act; warn = degraded, heals itself;
 * info = a state changed; debug = protocol dialogue. Nothing per packet above debug.
 */
export function createLogger(level: string, write: (line: string) => void): Logger {
  const options: LoggerOptions = { level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` };
  return pino(options, { write });
}

export const silentLogger: Logger = pino({ level: 'silent' });
