import { type Logger, silentLogger } from '../../../agent/base/log.ts';

/** A line of the log: its level, phrase and facts. */
export type LogLine = readonly [level: string, phrase: string, facts: unknown];

/** A logger that keeps its lines; child loggers share them. */
export function keepLogLines(): { readonly log: Logger; readonly logged: LogLine[] } {
  const logged: LogLine[] = [];
  const levels = ['debug', 'info', 'warn', 'error'] as const;
  const take = (level: string) => (facts: unknown, phrase?: string) =>
    void logged.push(typeof facts === 'string' ? [level, facts, {}] : [level, phrase ?? '', facts]);
  const log = { ...silentLogger, ...Object.fromEntries(levels.map((level) => [level, take(level)])), child: () => log };
  return { log: log as unknown as Logger, logged };
}
