import type { Clock } from '../../../base/clock.ts';
import type { ApiEdits } from '../../../config/edit/api-edits.ts';
import { checkStreamPath } from '../../../config/values/path-name.ts';
import type { ZlmParameters } from '../../../protocols/contract.ts';
import type { CallAnswer } from './call.ts';
import { CODE, EDITOR, failure, isOn, waitMsOf } from './call.ts';
import { originOf, type ShownPath } from './media-items.ts';
import { parseKey, type StreamName, streamKey, streamNameOf, VHOST } from './stream-name.ts';

const POLL_MS = 100;
/** Limit of calls that wait for a camera. */
const MAX_WAITING = 20;
const TRANSPORTS: ReadonlyMap<string, string> = new Map([
  ['0', 'tcp'],
  ['1', 'udp'],
  ['2', 'multicast'],
]);

export type PathEdits = Pick<ApiEdits, 'addPath' | 'patchPath' | 'deletePath'>;

/** A pulled path of the configuration. */
export interface PulledPath {
  readonly name: string;
  /** URL without password. */
  readonly url: string;
}

export interface ProxyOptions {
  readonly edits: PathEdits;
  /** Pulled paths, without patterns. */
  pulled(): readonly PulledPath[];
  find(path: string): ShownPath | undefined;
  readonly clock: Clock;
}

interface Pull {
  readonly url: string;
  /** `rtspTransport` of the path; only for RTSP. */
  readonly transport: string;
  readonly record: boolean;
  readonly waitMs: number;
}

/** `addStreamProxy` and related calls: a proxy is a pulled path of the configuration. */
export class StreamProxies {
  readonly #options: ProxyOptions;
  /** Added by these calls since the start: calls that close streams may remove them. */
  readonly #added = new Set<string>();
  #waiting = 0;

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  async add(parameters: ZlmParameters): Promise<CallAnswer> {
    const { app, stream, url } = parameters.require('vhost', 'app', 'stream', 'url');
    const transport = TRANSPORTS.get(parameters.get('rtp_type') ?? '0');
    if (transport === undefined) {
      throw failure(CODE.badArguments, 'rtp_type is 0 (TCP), 1 (UDP) or 2 (multicast)');
    }
    const record = isOn(parameters.get('enable_mp4'));
    await this.pull({ app, stream }, { url, transport, record, waitMs: waitMsOf(parameters) });
    return { data: { key: streamKey({ app, stream }) } };
  }

  /** Resolves when the stream is ready. If it does not come, removes the path again and rejects with the reason. */
  async pull({ app, stream }: StreamName, { url, transport, record, waitMs }: Pull): Promise<void> {
    const path = `${app}/${stream}`;
    checkStreamPath(path);
    if (!url.includes('://')) {
      throw failure(CODE.badArguments, 'url is not the address of a stream');
    }
    const { edits, find } = this.#options;
    const exists = this.#options.pulled().some(({ name }) => name === path) || find(path)?.ready === true;
    if (exists) {
      throw failure(CODE.failed, 'This stream already exists');
    }
    if (this.#waiting >= MAX_WAITING) {
      throw failure(CODE.failed, `${MAX_WAITING} cameras are being connected to: try again`);
    }
    this.#waiting += 1;
    try {
      const isRtsp = /^rtsps?:/i.test(url);
      const settings = { ...(isRtsp ? { rtspTransport: transport } : {}), ...(record ? { record } : {}) };
      await edits.addPath(path, { source: url, ...settings }, EDITOR);
      this.#added.add(path);
      await this.#untilThere(path, waitMs);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Answers with `flag`: whether the proxy existed. */
  async remove(parameters: ZlmParameters): Promise<CallAnswer> {
    return this.removeNamed(parseKey(parameters.require('key').key));
  }

  async removeNamed({ app, stream }: StreamName): Promise<CallAnswer> {
    const isThere = this.#pulledPath({ app, stream }) !== undefined;
    if (isThere) {
      await this.#remove(`${app}/${stream}`, { app, stream });
    }
    return { data: { flag: isThere } };
  }

  /** Names of all pulled paths of the configuration. */
  names(): readonly StreamName[] {
    return this.#options.pulled().map(({ name }) => streamNameOf(name));
  }

  /** URL without password. */
  urlOf(name: StreamName): string | undefined {
    return this.#pulledPath(name)?.url;
  }

  /** @throws PerchError with ZLMediaKit's code */
  info(parameters: ZlmParameters): CallAnswer {
    const pulled = this.#pulledPath(parseKey(parameters.require('key').key));
    if (!pulled) {
      throw failure(CODE.notFound, 'can not find the proxy');
    }
    return { data: this.#item(pulled) };
  }

  list(parameters: ZlmParameters): CallAnswer {
    const key = parameters.get('key');
    const data = this.#options.pulled().map((pulled) => this.#item(pulled));
    return { data: data.filter((item) => key === undefined || item.key === key) };
  }

  /** Removes a path that was added by these calls; false: it was not added by them, or is gone. */
  async end(path: string): Promise<boolean> {
    if (!this.#added.has(path) || !this.#options.pulled().some(({ name }) => name === path)) {
      return false;
    }
    await this.#remove(path, streamNameOf(path));
    return true;
  }

  async #remove(path: string, named: StreamName): Promise<void> {
    const name = this.#pulledPath(named)?.name ?? path;
    await this.#options.edits.deletePath(name, EDITOR);
    this.#added.delete(name);
  }

  /** The pulled path of a stream. A stream of app `live` may be a path without a slash. */
  #pulledPath({ app, stream }: StreamName): PulledPath | undefined {
    const pulled = this.#options.pulled();
    const isSame = ({ name }: PulledPath): boolean => {
      const other = streamNameOf(name);
      return other.app === app && other.stream === stream;
    };
    return pulled.find(({ name }) => name === `${app}/${stream}`) ?? pulled.find(isSame);
  }

  async #untilThere(path: string, waitMs: number): Promise<void> {
    const { clock, find } = this.#options;
    const untilMs = clock.monoMs() + waitMs;
    const never = new AbortController().signal;
    while (find(path)?.ready !== true) {
      if (clock.monoMs() >= untilMs) {
        const reason = find(path)?.lastError ?? `no stream within ${waitMs / 1000} s`;
        await this.#remove(path, streamNameOf(path));
        throw failure(CODE.failed, reason);
      }
      await clock.sleep(POLL_MS, never);
    }
  }

  #item({ name, url }: PulledPath) {
    const named = streamNameOf(name);
    const path = this.#options.find(name);
    const sinceMs = Date.parse(path?.readyTime ?? '');
    return {
      key: streamKey(named),
      url: (path && originOf(path, url, []).originUrl) || url,
      status: path?.ready ? 0 : 1,
      status_str: path?.ready ? 'playing' : (path?.lastError ?? 'connecting'),
      liveSecs: path?.ready ? Math.max(0, Math.floor((this.#options.clock.wallMs() - sinceMs) / 1000)) : 0,
      totalReaderCount: path?.readers.length ?? 0,
      bytesSpeed: Math.round((path?.bitrate ?? 0) / 8),
      totalBytes: path?.inboundBytes ?? 0,
      src: { vhost: VHOST, ...named, params: '' },
    };
  }
}
