import { FORGET_AFTER_MS, LoginVerdict, MAX_SKEW_MS } from './login-verdict.ts';

const MAX_LOCK_MS = 24 * 3_600_000;
const MAX_LOGINS = 1_024;
const MAX_CHANNELS = 256;
const MAX_TIMES = 100;
const MAX_HASH_CHARS = 64;

/** One login for the next run: `id`, channels and accounts are keyed hashes. */
interface StoredLogin {
  readonly id: string;
  readonly isGood: boolean;
  /** The camera's clock minus ours when it last accepted a token. */
  readonly skewMs?: number | undefined;
  /** Channels that have accepted it. */
  readonly proven: readonly string[];
  readonly refusals: readonly { readonly channel: string; readonly account: string; readonly agoMs: number }[];
  readonly pauses: readonly { readonly channel: string; readonly times: number; readonly leftMs: number }[];
}

export interface StoredLogins {
  readonly logins: readonly StoredLogin[];
  readonly locks: readonly { readonly id: string; readonly leftMs: number }[];
}

export const isWorthStoring = (verdict: LoginVerdict, nowMs: number): boolean =>
  verdict.isGood || verdict.recent(nowMs).length > 0;

export function toStored(id: string, verdict: LoginVerdict, nowMs: number): StoredLogin {
  return {
    id,
    isGood: verdict.isGood,
    skewMs: verdict.skewMs,
    proven: [...verdict.proven],
    refusals: verdict.recent(nowMs).map(({ channel, account, atMs }) => ({ channel, account, agoMs: nowMs - atMs })),
    pauses: [...verdict.pauses]
      .filter(([, { untilMs }]) => untilMs > nowMs)
      .map(([channel, { times, untilMs }]) => ({ channel, times, leftMs: untilMs - nowMs })),
  };
}

export function fromStored({ isGood, skewMs, proven, refusals, pauses }: StoredLogin, nowMs: number): LoginVerdict {
  const verdict = new LoginVerdict();
  verdict.isGood = isGood;
  verdict.skewMs = skewMs;
  verdict.refusals = refusals.map(({ channel, account, agoMs }) => ({ channel, account, atMs: nowMs - agoMs }));
  for (const channel of proven) {
    verdict.proven.add(channel);
  }
  for (const { channel, times, leftMs } of pauses) {
    verdict.pauses.set(channel, { times, untilMs: nowMs + leftMs });
  }
  return verdict;
}

/**
 * Invalid entries are dropped.
 * @param sinceMs age of the file; at least 0, so a clock that was set back extends nothing
 */
export function parseLogins(content: unknown, sinceMs: number): StoredLogins {
  const { logins, locks } = fieldsOf(content);
  return {
    logins: listOf(logins, MAX_LOGINS).flatMap((one) => parseLogin(fieldsOf(one), sinceMs)),
    locks: listOf(locks, MAX_LOGINS).flatMap((one) => {
      const { id, leftMs } = fieldsOf(one);
      return isHash(id) && isNumber(leftMs) ? [{ id, leftMs: between(leftMs - sinceMs, 0, MAX_LOCK_MS) }] : [];
    }),
  };
}

function parseLogin({ id, isGood, skewMs, ...lists }: Record<string, unknown>, sinceMs: number): StoredLogin[] {
  if (!isHash(id)) {
    return [];
  }
  const { proven, refusals, pauses } = lists;
  return [
    {
      id,
      isGood: isGood === true,
      skewMs: isNumber(skewMs) ? between(skewMs, -MAX_SKEW_MS, MAX_SKEW_MS) : undefined,
      proven: listOf(proven, MAX_CHANNELS).filter(isHash),
      refusals: listOf(refusals, MAX_CHANNELS).flatMap((one) => {
        const { channel, account, agoMs } = fieldsOf(one);
        return isHash(channel) && isHash(account) && isNumber(agoMs)
          ? [{ channel, account, agoMs: between(agoMs + sinceMs, 0, FORGET_AFTER_MS) }]
          : [];
      }),
      pauses: listOf(pauses, MAX_CHANNELS).flatMap((one) => {
        const { channel, times, leftMs } = fieldsOf(one);
        return isHash(channel) && isNumber(times) && isNumber(leftMs)
          ? [{ channel, times: between(times, 0, MAX_TIMES), leftMs: between(leftMs - sinceMs, 0, FORGET_AFTER_MS) }]
          : [];
      }),
    },
  ];
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const listOf = (value: unknown, most: number): unknown[] => (Array.isArray(value) ? value.slice(0, most) : []);
const isHash = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_HASH_CHARS;
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const between = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
