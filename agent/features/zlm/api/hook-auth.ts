import { createHash } from 'node:crypto';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { isStreamPath } from '../../../config/values/path-name.ts';
import type { SessionKind } from '../../../protocols/contract.ts';
import type { Hooks } from './hooks.ts';
import { streamFields } from './stream-name.ts';

/** A client that the permissions have accepted. */
interface Asking {
  readonly ip: string;
  readonly user?: string;
  readonly request?: {
    readonly protocol: string;
    readonly id: string | null;
    /** Query without `?`. */
    readonly query: string;
  };
}

/** How long a hook's consent holds: one session is checked several times, at DESCRIBE and SETUP, for the page and the playlist. */
const REMEMBERED_MS = 10_000;
/** Query parameters that players add by themselves. */
const PLAYERS_OWN = /(?:^|&)(?:cookieCheck|session|_HLS_\w+)=[^&]*/g;

const UNKNOWN = [0, 'unknown'] as const;

/** Calls `on_play` and `on_publish` for clients that the permissions accept. */
export class HookAuth {
  readonly #hooks: Hooks;
  readonly #kinds: readonly SessionKind[];
  readonly #clock: Clock;
  /** Monotonic time until which a hook's consent holds, by `keyOf`. Rejections are not kept: the next attempt may be accepted. */
  readonly #agreed = new Map<string, number>();

  constructor(hooks: Hooks, kinds: readonly SessionKind[], clock: Clock) {
    this.#hooks = hooks;
    this.#kinds = kinds;
    this.#clock = clock;
  }

  /** Why the hook rejects the client, or undefined if it does not. */
  async objection(action: 'read' | 'publish', path: string, asking: Asking): Promise<string | undefined> {
    const name = action === 'read' ? 'on_play' : 'on_publish';
    const { protocol = '', id = null, query = '' } = asking.request ?? {};
    const zlm = this.#kinds.find((kind) => kind.protocol === protocol && kind.zlm)?.zlm;
    const isAskedByAddress = zlm?.isAskedByAddress === true;
    // Pages, preflights and requests of the API open no session.
    const isSession = protocol !== '' && (isAskedByAddress || id !== null);
    // A name that no stream can have is rejected later, without a call to the other server.
    if (!isSession || !this.#hooks.isOn(name) || !isStreamPath(path)) {
      return undefined;
    }
    const params = query.replace(PLAYERS_OWN, '').replace(/^&/, '');
    const client = isAskedByAddress ? asking.ip : id;
    const key = requestKey([action, path, protocol, client, asking.user ?? '', params]);
    if ((this.#agreed.get(key) ?? 0) > this.#clock.monoMs()) {
      return undefined;
    }
    const [originType, originTypeStr] = zlm?.origin ?? UNKNOWN;
    const schema = zlm?.flowSchema ?? protocol;
    const body = {
      ...streamFields(path, schema, params),
      ip: asking.ip,
      port: 0,
      id: id ?? '',
      ...(action === 'publish' ? { originType, originTypeStr } : {}),
    };
    const { code, msg } = await this.#hooks.ask(name, body, asking.ip);
    if (code !== 0) {
      return `code: ${code} msg: ${msg}`;
    }
    putBounded(this.#agreed, key, this.#clock.monoMs() + REMEMBERED_MS, 1_000);
    return undefined;
  }
}

/** A hash, because a query may be long. */
const requestKey = (parts: readonly (string | null)[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
