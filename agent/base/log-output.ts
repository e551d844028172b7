import { spawn } from 'node:child_process';
import { createWriteStream, renameSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from './clock.ts';
import { explain } from './errors.ts';
import { type LogLevel, levelOf, parseLine, structuredLine, syslogLine, textLine } from './log-text.ts';

/** Settings under the names of their keys. */
interface LogSettings {
  readonly logDestinations: readonly ('stdout' | 'file' | 'syslog')[];
  readonly logStructured: boolean;
  readonly logFile: string;
  readonly sysLogPrefix: string;
}

export const LOG_KEYS = ['logDestinations', 'logStructured', 'logFile', 'sysLogPrefix'] as const;

/** Settings until the configuration has been read. */
const AT_START: LogSettings = { logDestinations: ['stdout'], logStructured: false, logFile: '', sysLogPrefix: '' };
/** Maximum number of bytes that wait for a slow disk or syslog; further lines are dropped. */
const MAX_WAITING = 1 << 20;
const RETRY_MS = 10_000;
/** RFC 5424 §6.2.1, in the words of `logger -p`. */
const PRIORITIES: Readonly<Record<LogLevel, string>> = {
  error: 'daemon.err',
  warn: 'daemon.warning',
  info: 'daemon.info',
  debug: 'daemon.debug',
};

interface LogOutputOptions {
  readonly stdout: (text: string) => void;
  /** Base of a relative `logFile`. */
  readonly cwd: string;
  readonly clock: Pick<Clock, 'monoMs'>;
  /** Program that writes its input to syslog, with the options of `logger`. */
  readonly logger?: string;
  readonly maxFileBytes?: number;
}

/** Writes the lines of the logger to the terminal, a file and syslog. */
export class LogOutput {
  readonly #options: LogOutputOptions;
  #settings = AT_START;
  #file: LogFile | undefined;
  #syslog: Partial<Record<LogLevel, LogStream>> = {};

  constructor(options: LogOutputOptions) {
    this.#options = options;
  }

  apply(settings: LogSettings): void {
    if (!isDeepStrictEqual(settings, this.#settings)) {
      this.#settings = settings;
      void this.#closeSyslog();
      this.reopen();
    }
  }

  /** Opens the file again after another program has rotated it. */
  reopen(): void {
    // At this size the file is renamed to `FILE.1`, because a log must not fill the disk.
    const { cwd, clock, stdout, maxFileBytes = 64 << 20 } = this.#options;
    const { logDestinations, logFile } = this.#settings;
    void this.#file?.close();
    const label = resolve(cwd, logFile);
    const format = (json: string) => this.#format(json);
    this.#file = logDestinations.includes('file')
      ? new LogFile({ label, clock, report: stdout, format }, maxFileBytes)
      : undefined;
  }

  /** @param json a line of the logger */
  write(json: string): void {
    const { logDestinations } = this.#settings;
    if (logDestinations.includes('stdout')) {
      this.#options.stdout(this.#format(json));
    }
    this.#file?.write(json);
    if (logDestinations.includes('syslog')) {
      this.#syslogOf(levelOf(parseLine(json))).write(json);
    }
  }

  /** Resolves when all lines have left the process, after a second at the latest. */
  async close(): Promise<void> {
    const closed = Promise.all([this.#file?.close(), this.#closeSyslog()]);
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
  }

  #format(json: string): string {
    return this.#settings.logStructured ? structuredLine(json) : textLine(json);
  }

  /** One process for each level: the `logger` of busybox reads no priorities from its input. */
  #syslogOf(level: LogLevel): LogStream {
    const { clock, stdout: report, logger = 'logger' } = this.#options;
    const { sysLogPrefix } = this.#settings;
    const open = (failed: (error: unknown) => void) => {
      const options = ['-t', sysLogPrefix, '-p', PRIORITIES[level]];
      const child = spawn(logger, options, { stdio: ['pipe', 'ignore', 'ignore'] });
      child.on('error', failed);
      child.unref();
      return child.stdin;
    };
    this.#syslog[level] ??= new LogStream({ label: 'syslog', clock, report, format: syslogLine, open });
    return this.#syslog[level];
  }

  async #closeSyslog(): Promise<void> {
    const streams = Object.values(this.#syslog);
    this.#syslog = {};
    await Promise.all(streams.map((stream) => stream.close()));
  }
}

interface StreamOptions {
  /** For reports: file name, or `syslog`. */
  readonly label: string;
  readonly clock: Pick<Clock, 'monoMs'>;
  readonly report: (text: string) => void;
  readonly format: (json: string) => string;
  readonly open: (failed: (error: unknown) => void) => Writable;
}

/** A destination that is opened by its first line, and again some time after a failure. */
class LogStream {
  readonly #options: StreamOptions;
  #stream: Writable | undefined;
  #retryMs = Number.NEGATIVE_INFINITY;
  #dropped = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** @returns bytes written */
  write(json: string): number {
    const { format } = this.#options;
    const stream = this.#stream ?? this.#reopen();
    if (!stream || stream.writableLength > MAX_WAITING) {
      this.#dropped += 1;
      return 0;
    }
    const lines = `${this.#dropped > 0 ? format(droppedLine(this.#dropped)) : ''}${format(json)}`;
    this.#dropped = 0;
    stream.write(lines);
    return Buffer.byteLength(lines);
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#retryMs = Number.NEGATIVE_INFINITY;
    if (stream && !stream.destroyed) {
      stream.end();
      await finished(stream).catch(() => {});
    }
  }

  #reopen(): Writable | undefined {
    const { label, clock, report, open } = this.#options;
    const now = clock.monoMs();
    if (now < this.#retryMs) {
      return undefined;
    }
    this.#retryMs = now + RETRY_MS;
    const failed = (error: unknown) => {
      report(`cannot write the log to ${label}, retrying every ${RETRY_MS / 1_000} s: ${explain(error)}\n`);
      this.#forget(stream);
    };
    const stream = open(failed);
    stream.on('error', failed);
    stream.on('close', () => this.#forget(stream));
    this.#stream = stream;
    return stream;
  }

  #forget(stream: Writable): void {
    if (this.#stream === stream) {
      this.#stream = undefined;
    }
  }
}

const droppedLine = (count: number): string =>
  JSON.stringify({ level: 40, time: new Date().toISOString(), count, msg: 'log lines dropped' });

class LogFile {
  readonly #name: string;
  readonly #stream: LogStream;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(options: Omit<StreamOptions, 'open'>, maxBytes: number) {
    const { label } = options;
    this.#name = label;
    this.#maxBytes = maxBytes;
    const open = () => {
      this.#bytes = sizeOf(label);
      // Readable only by its owner, because it names cameras and viewers.
      return createWriteStream(label, { flags: 'a', mode: 0o600 });
    };
    this.#stream = new LogStream({ ...options, open });
  }

  write(json: string): void {
    if (this.#bytes >= this.#maxBytes) {
      void this.#stream.close();
      rename(this.#name, `${this.#name}.1`);
    }
    // `write` may open the file, which sets `#bytes`.
    const written = this.#stream.write(json);
    this.#bytes += written;
  }

  close(): Promise<void> {
    return this.#stream.close();
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // Further lines are appended to the same file.
  }
}
