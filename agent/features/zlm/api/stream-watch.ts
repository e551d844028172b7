import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { Hooks } from './hooks.ts';
import type { ShownPath } from './media-items.ts';
import { streamFields } from './stream-name.ts';

/**
 * Limit of waiting `on_stream_none_reader` calls, which leaves room for calls about players. When Perch starts, all streams open at once:
 * those above the limit follow at a later check.
 */
const MAX_ASKING = 16;

interface StreamWatchOptions {
  readonly paths: { list(): readonly ShownPath[] };
  readonly hooks: Hooks;
  /** One item for each schema of the path. */
  items(path: ShownPath): readonly { readonly schema: string }[];
  /** Ends the stream, where these calls may. @throws PerchError when the configuration cannot be written */
  end(path: ShownPath): Promise<boolean>;
  /** `zlmStreamNoneReaderDelay` as configured now. */
  noneReaderDelayMs(): number;
  readonly clock: Clock;
  readonly log: Logger;
}

interface WatchedStream {
  readonly name: string;
  /** RFC 3339; changes with each stream. */
  readonly since: string | null;
  readonly schemas: readonly string[];
  hasReaders: boolean;
  /** Monotonic, or undefined if the stream has readers, or the hook was asked already. */
  unreadSinceMs: number | undefined;
}

/** Reports streams that open, close and lose their last reader. Checks once a second and at each `look`. */
export class StreamWatch {
  readonly #options: StreamWatchOptions;
  readonly #known = new Map<string, WatchedStream>();
  readonly #stop: () => void;
  #asking = 0;

  constructor(options: StreamWatchOptions) {
    this.#options = options;
    this.#stop = options.clock.eachSecond(() => this.check());
  }

  check(): void {
    const { hooks, paths } = this.#options;
    if (!hooks.isOn('on_stream_changed') && !hooks.isOn('on_stream_none_reader')) {
      this.#known.clear();
      return;
    }
    const there = new Map(paths.list().flatMap((path) => (path.ready ? [[path.name, path] as const] : [])));
    for (const known of this.#known.values()) {
      if (there.get(known.name)?.readyTime !== known.since) {
        this.#known.delete(known.name);
        this.#notifyGone(known);
      }
    }
    for (const path of there.values()) {
      this.#lookForReaders(path, this.#known.get(path.name) ?? this.#begin(path));
    }
  }

  close(): void {
    this.#stop();
    this.#known.clear();
  }

  #begin(path: ShownPath): WatchedStream {
    const items = this.#options.items(path);
    const known: WatchedStream = {
      name: path.name,
      since: path.readyTime,
      schemas: items.map(({ schema }) => schema),
      // A stream that never has a reader counts as one that lost its last.
      hasReaders: false,
      unreadSinceMs: this.#options.clock.monoMs(),
    };
    this.#known.set(path.name, known);
    for (const item of items) {
      this.#options.hooks.tell('on_stream_changed', { regist: true, ...item, protocol: item.schema });
    }
    return known;
  }

  #notifyGone({ name, schemas }: WatchedStream): void {
    for (const schema of schemas) {
      this.#options.hooks.tell('on_stream_changed', { regist: false, ...streamFields(name, schema) });
    }
  }

  #lookForReaders(path: ShownPath, known: WatchedStream): void {
    const nowMs = this.#options.clock.monoMs();
    const hasReaders = path.readers.length > 0;
    if (hasReaders) {
      known.unreadSinceMs = undefined;
    } else if (known.hasReaders) {
      known.unreadSinceMs = nowMs;
    } else if (this.#asking < MAX_ASKING && this.#isDue(known, nowMs)) {
      known.unreadSinceMs = undefined;
      this.#askToClose(path, known.schemas[0] ?? 'rtsp').catch((error: unknown) => {
        const fields = error instanceof PerchError ? { cause: explain(error) } : { err: error };
        this.#options.log.warn({ path: path.name, ...fields }, 'stream without readers cannot be closed');
      });
    }
    known.hasReaders = hasReaders;
  }

  #isDue({ unreadSinceMs }: WatchedStream, nowMs: number): boolean {
    return unreadSinceMs !== undefined && nowMs - unreadSinceMs >= this.#options.noneReaderDelayMs();
  }

  async #askToClose(path: ShownPath, schema: string): Promise<void> {
    const { hooks, paths, end } = this.#options;
    if (!hooks.isOn('on_stream_none_reader')) {
      return;
    }
    this.#asking += 1;
    const { code, close } = await hooks.ask('on_stream_none_reader', streamFields(path.name, schema)).finally(() => {
      this.#asking -= 1;
    });
    // During the call the stream may have got a reader, or been replaced by another stream.
    const now = paths.list().find(({ name }) => name === path.name);
    if (code === 0 && close && now?.readyTime === path.readyTime && now.readers.length === 0) {
      await end(now);
    }
  }
}
