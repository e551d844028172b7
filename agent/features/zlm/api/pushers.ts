import { createHmac } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import type { ApiEdits } from '../../../config/edit/api-edits.ts';
import type { Destination } from '../../../config/schema/forward.ts';
import { shownDestination } from '../../../config/values/destination.ts';
import type { ZlmParameters } from '../../../protocols/contract.ts';
import { type CallAnswer, CODE, EDITOR, failure, waitMsOf } from './call.ts';
import type { ShownPath } from './media-items.ts';
import { streamKey, streamNameOf, VHOST } from './stream-name.ts';

const POLL_MS = 100;
/** Limit of calls that wait for a destination. */
const MAX_WAITING = 20;
const MAX_OF_A_PATH = 50;
/** ZLMediaKit's schema by scheme. */
const SCHEMAS: Readonly<Record<string, string>> = {
  rtsp: 'rtsp',
  rtsps: 'rtsp',
  rtmp: 'rtmp',
  rtmps: 'rtmp',
  srt: 'ts',
  whip: 'rtc',
  whips: 'rtc',
};

/** A destination of a path, as far as these calls show it. */
export interface ShownForward {
  /** The destination is without secrets. */
  readonly conf: { readonly dest: string };
  readonly state: 'idle' | 'forwarding' | 'error';
  readonly lastError: string | null;
  readonly outboundBytes: number;
  readonly reconnects: number;
}

interface Pusher {
  readonly key: string;
  readonly path: string;
  /** URL of the destination, with its secrets. */
  readonly dest: string;
  /** Position in `forward`. */
  readonly position: number;
}

export interface PusherOptions {
  readonly edits: Pick<ApiEdits, 'patchPath'>;
  /** `forward` of each path of the configuration. */
  destinations(): ReadonlyMap<string, readonly Destination[]>;
  /** Forwards in the order of `forward`, or undefined if there is no such path now. */
  forwardsOf(path: string): readonly ShownForward[] | undefined;
  find(path: string): ShownPath | undefined;
  pathOf(app: string, stream: string): string;
  /** HMAC key for the keys of pushers, which must not reveal the stream keys in destinations. */
  secret(): string;
  readonly clock: Clock;
}

/** `addStreamPusherProxy` and related calls: a pusher is a destination in `forward` of a path. */
export class StreamPushers {
  readonly #options: PusherOptions;
  #waiting = 0;
  /** The last change. Changes run one after the other, so that each starts from the list that the one before has written. */
  #edited: Promise<unknown> = Promise.resolve();

  constructor(options: PusherOptions) {
    this.#options = options;
  }

  /** Answers when the destination takes the stream. Otherwise removes the destination again and rejects with the reason. */
  async add(parameters: ZlmParameters): Promise<CallAnswer> {
    const { app, stream, dst_url: dest } = parameters.require('schema', 'vhost', 'app', 'stream', 'dst_url');
    const waitMs = waitMsOf(parameters);
    const path = this.#options.pathOf(app, stream);
    if (this.#options.find(path)?.ready !== true) {
      throw failure(CODE.failed, 'can not find the source stream');
    }
    const answer = { data: { key: this.#keyOf(path, dest) } };
    if (this.#positionOf(path, dest) >= 0) {
      return answer;
    }
    if (this.#waiting >= MAX_WAITING) {
      throw failure(CODE.failed, `${MAX_WAITING} destinations are being connected to: try again`);
    }
    this.#waiting += 1;
    try {
      await this.#edit(path, (forward) => {
        if (forward.length >= MAX_OF_A_PATH) {
          throw failure(CODE.failed, `the stream has ${MAX_OF_A_PATH} destinations`);
        }
        return forward.some((other) => other.dest === dest) ? forward : [...forward, { dest }];
      });
      await this.#untilSent(path, dest, waitMs);
    } finally {
      this.#waiting -= 1;
    }
    return answer;
  }

  /** Answers with `flag`: whether the pusher existed. */
  async remove(parameters: ZlmParameters): Promise<CallAnswer> {
    const { key } = parameters.require('key');
    const found = this.#all().find((one) => one.key === key);
    if (found) {
      await this.#remove(found.path, found.dest);
    }
    return { data: { flag: found !== undefined } };
  }

  list(parameters: ZlmParameters): CallAnswer {
    const key = parameters.get('key');
    const data = this.#all().filter((one) => key === undefined || one.key === key);
    return { data: data.map((one) => this.#item(one)) };
  }

  /** @throws PerchError with ZLMediaKit's code */
  info(parameters: ZlmParameters): CallAnswer {
    const { key } = parameters.require('key');
    const found = this.#all().find((one) => one.key === key);
    if (!found) {
      throw failure(CODE.notFound, 'can not find pusher');
    }
    return { data: this.#item(found) };
  }

  #all(): readonly Pusher[] {
    return [...this.#options.destinations()].flatMap(([path, forward]) =>
      forward.map(({ dest }, position) => ({ key: this.#keyOf(path, dest), path, dest, position })),
    );
  }

  #keyOf(path: string, dest: string): string {
    const schema = SCHEMAS[dest.split(':', 1)[0]?.toLowerCase() ?? ''] ?? 'unknown';
    const digest = createHmac('sha256', this.#options.secret()).update(dest).digest('hex').slice(0, 32);
    return `${schema}/${streamKey(streamNameOf(path))}/${digest}`;
  }

  #item({ key, path, dest, position }: Pusher) {
    const forward = this.#forwardAt(path, dest, position);
    const isSending = forward?.state === 'forwarding';
    return {
      key,
      url: shownDestination(dest),
      status: isSending ? 0 : 1,
      status_str: isSending ? 'pushing' : (forward?.lastError ?? 'connecting'),
      rePublishCount: forward?.reconnects ?? 0,
      totalBytes: forward?.outboundBytes ?? 0,
      src: { vhost: VHOST, ...streamNameOf(path), params: '' },
    };
  }

  /** The forward of a destination, or undefined if the path has not applied the change yet. */
  #forwardAt(path: string, dest: string, position: number): ShownForward | undefined {
    const forward = this.#options.forwardsOf(path)?.[position];
    return forward?.conf.dest === shownDestination(dest) ? forward : undefined;
  }

  #positionOf(path: string, dest: string): number {
    return (this.#options.destinations().get(path) ?? []).findIndex((other) => other.dest === dest);
  }

  #edit(path: string, change: (forward: readonly Destination[]) => readonly object[]): Promise<void> {
    const edited = this.#edited.then(async () => {
      const forward = change(this.#options.destinations().get(path) ?? []);
      await this.#options.edits.patchPath(path, { forward }, EDITOR);
    });
    this.#edited = edited.catch(() => {});
    return edited;
  }

  #remove(path: string, dest: string): Promise<void> {
    return this.#edit(path, (forward) => forward.filter((other) => other.dest !== dest));
  }

  async #untilSent(path: string, dest: string, waitMs: number): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.monoMs() + waitMs;
    const never = new AbortController().signal;
    for (;;) {
      const forward = this.#forwardAt(path, dest, this.#positionOf(path, dest));
      if (forward?.state === 'forwarding') {
        return;
      }
      if (forward?.state === 'error' || clock.monoMs() >= untilMs) {
        await this.#remove(path, dest);
        throw failure(CODE.failed, forward?.lastError ?? `no connection within ${waitMs / 1000} s`);
      }
      await clock.sleep(POLL_MS, never);
    }
  }
}
