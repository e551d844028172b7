import { createHash } from 'node:crypto';
import { putBounded } from '../../../base/bounded-map.ts';
import type { ZlmParameters } from '../../../protocols/contract.ts';
import { type CallAnswer, CODE, failure, isOn, waitMsOf } from './call.ts';
import type { StreamProxies } from './proxies.ts';
import { type StreamName, streamKey } from './stream-name.ts';

/** ZLMediaKit's own template. */
const DEFAULT_TEMPLATE = 'ffmpeg.cmd';
/** URL of a stream on this server, up to the query. Groups: app, stream. */
const LOCAL = /^[a-z]+:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?\/([^/?#\s]+)\/([^?#\s]+)/i;

/** `addFFmpegSource` and related calls: Perch pulls `src_url` itself, as the path that `dst_url` names. */
export class FfmpegSources {
  readonly #proxies: StreamProxies;
  /** `dst_url` without query, by key. */
  readonly #added = new Map<string, string>();

  constructor(proxies: StreamProxies) {
    this.#proxies = proxies;
  }

  /** Answers when the stream is ready. @throws PerchError with ZLMediaKit's code */
  async add(parameters: ZlmParameters): Promise<CallAnswer> {
    const { src_url: url, dst_url: destination } = parameters.require('src_url', 'dst_url', 'timeout_ms');
    if ((parameters.get('ffmpeg_cmd_key') ?? DEFAULT_TEMPLATE) !== DEFAULT_TEMPLATE) {
      throw failure(
        CODE.badArguments,
        'ffmpeg_cmd_key: Perch pulls the stream without ffmpeg and changes nothing in it',
      );
    }
    const [local, app = '', stream = ''] = LOCAL.exec(destination) ?? [];
    if (local === undefined) {
      throw failure(CODE.badArguments, 'dst_url is not a stream of this server, such as rtmp://127.0.0.1/live/cam');
    }
    const name = { app, stream };
    const waitMs = waitMsOf(parameters, 'timeout_ms', 1);
    const record = isOn(parameters.get('enable_mp4'));
    await this.#proxies.pull(name, { url, transport: 'tcp', record, waitMs });
    const key = digestOf(name);
    putBounded(this.#added, key, local, 500);
    return { data: { key } };
  }

  /** Answers with `flag`: whether the source existed. */
  async remove(parameters: ZlmParameters): Promise<CallAnswer> {
    const { key } = parameters.require('key');
    const name = this.#named(key);
    this.#added.delete(key);
    return name ? this.#proxies.removeNamed(name) : { data: { flag: false } };
  }

  /** Lists the sources that were added since the start. */
  list(): CallAnswer {
    const data = [...this.#added].flatMap(([key, destination]) => {
      const name = this.#named(key);
      const url = name && this.#proxies.urlOf(name);
      return url === undefined
        ? []
        : [{ key, src_url: url, dst_url: destination, cmd: '', ffmpeg_cmd_key: DEFAULT_TEMPLATE }];
    });
    return { data };
  }

  /** Looks among all pulled paths, not only in `#added`, so that keys stay valid after a restart. */
  #named(key: string): StreamName | undefined {
    return this.#proxies.names().find((name) => digestOf(name) === key);
  }
}

const digestOf = (name: StreamName): string => createHash('md5').update(streamKey(name)).digest('hex');
