import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { explain } from '../../base/errors.ts';
import { loadPrivate, savePrivate } from '../../base/files/durable-file.ts';
import type { Logger } from '../../base/log.ts';

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

const SessionsFile = Type.Object({ sessions: Type.Array(StoredSession, { maxItems: MAX_SESSIONS }) });

/** A `sessions.json` reduced to these users; empty if damaged. */
export function sessionsOf(stored: unknown, users: ReadonlySet<string>): object {
  const sessions = Check(SessionsFile, stored) ? stored.sessions : [];
  return { sessions: sessions.filter(({ user }) => users.has(user)) };
}

/** Empty if there is no file. A damaged file also counts as empty, with a warning: then all users log in again. */
export async function loadSessions(file: string, log: Logger): Promise<readonly StoredSession[]> {
  const stored = await loadPrivate(file).catch((error: unknown) => {
    log.warn({ cause: explain(error) }, 'sessions are lost: all users have to log in again');
    return undefined;
  });
  if (stored === undefined || Check(SessionsFile, stored)) {
    return stored?.sessions ?? [];
  }
  log.warn({ file }, 'sessions are lost: all users have to log in again');
  return [];
}

/** Never rejects: a full disk must not lock people out. @returns whether they are saved */
export async function saveSessions(file: string, sessions: readonly StoredSession[], log: Logger): Promise<boolean> {
  try {
    await savePrivate(file, { sessions });
    return true;
  } catch (error) {
    log.warn({ cause: explain(error) }, 'saving sessions failed');
    return false;
  }
}
