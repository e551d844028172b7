import { basename, dirname, extname } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { WaitQuota } from '../../../base/network/wait-quota.ts';
import { CODE } from './call.ts';
import { streamNameOf, VHOST } from './stream-name.ts';

export const HOOKS = [
  'on_play',
  'on_publish',
  'on_stream_not_found',
  'on_stream_none_reader',
  'on_stream_changed',
  'on_flow_report',
  'on_record_mp4',
  'on_record_ts',
  'on_server_started',
  'on_server_keepalive',
] as const;
export type HookName = (typeof HOOKS)[number];

export interface HookSettings {
  /** URL of each hook; empty: the hook is off. */
  readonly urls: Readonly<Record<HookName, string>>;
  readonly mediaServerId: string;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly retryDelayMs: number;
}

/** A hook's answer; `code` 0: allowed. */
interface HookAnswer {
  readonly code: number;
  readonly msg: string;
  readonly close: boolean;
}

/** A POST of JSON. @throws PerchError when there is no answer */
export type Post = (
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  timeoutMs: number,
) => Promise<{ readonly status: number; readonly text: string }>;

interface HooksOptions {
  /** The settings in force. */
  settings(): HookSettings;
  readonly post: Post;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts all calls. */
  readonly signal: AbortSignal;
}

/** Calls that wait for an answer; further ones are rejected. */
const MAX_ASKED = 64;
/** Calls of one client that wait: one client must not block the others. */
const MAX_ASKED_OF_ONE = 32;
/** Notifications that wait; further ones are dropped. */
const MAX_NEWS = 500;
const GO_ON: HookAnswer = { code: 0, msg: '', close: false };
// biome-ignore lint/suspicious/noControlCharactersInRegex: another server's text goes to terminals and headers
const CONTROL = /[\u0000-\u001f\u007f-\u009f]+/g;

/** ZLMediaKit's web hooks: questions and notifications to another server over HTTP. */
export class Hooks {
  readonly #options: HooksOptions;
  readonly #places = new WaitQuota(MAX_ASKED, MAX_ASKED_OF_ONE);
  readonly #news: { readonly name: HookName; readonly body: object }[] = [];
  #index = 0;
  #isTelling = false;
  #lost = 0;

  constructor(options: HooksOptions) {
    this.#options = options;
  }

  isOn(name: HookName): boolean {
    return this.#options.settings().urls[name] !== '';
  }

  /**
   * A hook that is off allows everything; one that does not answer rejects.
   * @param ip of the client; empty: there is none
   */
  async ask(name: HookName, body: object, ip = ''): Promise<HookAnswer> {
    if (!this.isOn(name)) {
      return GO_ON;
    }
    const leave = this.#places.take(ip);
    if (!leave) {
      return refused(`${name}: ${MAX_ASKED} questions wait for an answer, or ${MAX_ASKED_OF_ONE} of this address`);
    }
    try {
      return await this.#try(name, body);
    } finally {
      leave();
    }
  }

  /** Sends notifications in the order of the calls; does not wait. */
  tell(name: HookName, body: object): void {
    if (!this.isOn(name)) {
      return;
    }
    if (this.#news.length >= MAX_NEWS) {
      this.#lost += 1;
      return;
    }
    this.#news.push({ name, body });
    void this.#tellAll();
  }

  async #tellAll(): Promise<void> {
    if (this.#isTelling) {
      return;
    }
    this.#isTelling = true;
    for (let next = this.#news.shift(); next; next = this.#news.shift()) {
      try {
        await this.#try(next.name, next.body);
      } catch (error) {
        this.#options.log.error({ hook: next.name, err: error }, 'web hook failed');
      }
    }
    this.#isTelling = false;
    if (this.#lost > 0) {
      this.#options.log.warn({ lost: this.#lost, limit: MAX_NEWS }, 'web hook too slow, notifications dropped');
      this.#lost = 0;
    }
  }

  async #try(name: HookName, body: object): Promise<HookAnswer> {
    const { settings, clock, log, signal } = this.#options;
    this.#index += 1;
    const text = JSON.stringify({ mediaServerId: settings().mediaServerId, hook_index: this.#index, ...body });
    const headers: Record<string, string> = 'vhost' in body ? { 'X-VHOST': VHOST } : {};
    for (let attempt = 0; ; attempt += 1) {
      const { urls, timeoutMs, retries, retryDelayMs } = settings();
      if (urls[name] === '') {
        // The hook was switched off while the call waited.
        return GO_ON;
      }
      try {
        return parseAnswer(await this.#options.post(urls[name], text, headers, timeoutMs));
      } catch (error) {
        rethrowUnexpected(error);
        if (attempt >= retries || signal.aborted) {
          log.warn({ hook: name, cause: explain(error) }, 'web hook failed');
          // Players read this: the address of the other server is for the log only.
          return refused(`${name}: ${error.message}`);
        }
      }
      await clock.sleep(retryDelayMs, signal);
    }
  }
}

const refused = (msg: string): HookAnswer => ({ code: CODE.failed, msg, close: false });

/** @throws PerchError badInput for an invalid answer */
export function parseAnswer({ status, text }: { readonly status: number; readonly text: string }): HookAnswer {
  if (status !== 200) {
    throw new PerchError('badInput', `it answered with status ${status}, expected 200`);
  }
  const { code, msg, close } = parseObject(text);
  if (typeof code !== 'number' || !Number.isInteger(code)) {
    throw new PerchError('badInput', 'its answer has no integer code');
  }
  const said = typeof msg === 'string' ? msg.replace(CONTROL, ' ').trim().slice(0, 200) : '';
  return { code, msg: said, close: close === true };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch (cause) {
    throw new PerchError('badInput', 'its answer is not JSON', {}, cause);
  }
  throw new PerchError('badInput', 'its answer is not a JSON object');
}

/** A complete recording. */
interface RecordedFile {
  readonly path: string;
  readonly file: string;
  /** Unix microseconds. */
  readonly startUs: number;
  readonly durationMs: number;
  readonly sizeBytes: number;
}

/** Name of the hook for a recording, by its format. */
export const recordHookOf = ({ file }: RecordedFile): HookName =>
  extname(file) === '.ts' ? 'on_record_ts' : 'on_record_mp4';

/** Body of that hook. `url` is relative to this server's address, as in ZLMediaKit. */
export function recordBody({ path, file, startUs, durationMs, sizeBytes }: RecordedFile) {
  const lengthS = durationMs / 1000;
  const start = new Date(startUs / 1000).toISOString().replace('Z', `${String(startUs % 1000).padStart(3, '0')}Z`);
  const query = new URLSearchParams({ path, start, duration: String(lengthS) });
  return {
    vhost: VHOST,
    ...streamNameOf(path),
    params: '',
    start_time: Math.floor(startUs / 1e6),
    time_len: lengthS,
    file_size: sizeBytes,
    file_path: file,
    file_name: basename(file),
    folder: `${dirname(file)}/`,
    url: `playback/get?${query}`,
  };
}
