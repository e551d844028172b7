import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';

export const MAX_SESSIONS = 100;

/** SHA-256 of a token, so that the file grants no access. */
const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' });

const StoredSession = Type.Object({
  hash: Hash,
  /** Hash of the successor that was handed out: its first use replaces the current token. */
  next: Type.Optional(Hash),
  /** Absent in files of earlier versions. */
  id: Type.Optional(Type.String({ pattern: '^[0-9a-f-]{36}$' })),
  user: Type.String({ minLength: 1, maxLength: 64 }),
  /** Unix milliseconds, as all times here. */
  created: Type.Number(),
  seen: Type.Number(),
  /** When the current token was handed out. */
  turned: Type.Optional(Type.Number()),
  ip: Type.Optional(Type.String({ maxLength: 64 })),
  /** Browser and system, such as `Chrome, Android`. */
  device: Type.Optional(Type.String({ maxLength: 64 })),
});
export type StoredSession = Static<typeof StoredSession>;

export const SessionsFile = Type.Object({ sessions: Type.Array(StoredSession, { maxItems: MAX_SESSIONS }) });

/** A `sessions.json` reduced to these users; empty if damaged. */
export function sessionsOf(stored: unknown, users: ReadonlySet<string>): object {
  const sessions = Check(SessionsFile, stored) ? stored.sessions : [];
  return { sessions: sessions.filter(({ user }) => users.has(user)) };
}
