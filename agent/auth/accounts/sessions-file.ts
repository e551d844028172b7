import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { loadPrivate, savePrivate } from '../../base/private-file.ts';

export const SESSIONS_LIMIT = 100;

/** SHA-256 of a token: who reads the file cannot log in with it. */
const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' });

const StoredSession = Type.Object({
  hash: Hash,
  /** Of the token that follows, once it was handed out: the first use of it takes the place of the present one. */
  next: Type.Optional(Hash),
  /** What the session is called in lists. Files of before have none. */
  id: Type.Optional(Type.String({ pattern: '^[0-9a-f-]{36}$' })),
  user: Type.String({ minLength: 1, maxLength: 64 }),
  /** Unix milliseconds, as all times here. */
  created: Type.Number(),
  seen: Type.Number(),
  /** When the present token was handed out. */
  turned: Type.Optional(Type.Number()),
  ip: Type.Optional(Type.String({ maxLength: 64 })),
  /** `Chrome, Android`. */
  device: Type.Optional(Type.String({ maxLength: 64 })),
});
export type StoredSession = Static<typeof StoredSession>;

const SessionsFile = Type.Object({ sessions: Type.Array(StoredSession, { maxItems: SESSIONS_LIMIT }) });

/** What is left of a `sessions.json` when these users alone stay logged in; nothing of one that is damaged. */
export function sessionsOf(stored: unknown, users: ReadonlySet<string>): object {
  const sessions = Check(SessionsFile, stored) ? stored.sessions : [];
  return { sessions: sessions.filter(({ user }) => users.has(user)) };
}

/** Empty when there is no file, and, with a warning, when it cannot be used: then all log in again. */
export async function loadSessions(file: string, log: Logger): Promise<readonly StoredSession[]> {
  const stored = await loadPrivate(file).catch((error: unknown) => {
    log.warn({ cause: explain(error) }, 'sessions are lost: everybody has to log in again');
    return undefined;
  });
  if (stored === undefined || Check(SessionsFile, stored)) {
    return stored?.sessions ?? [];
  }
  log.warn({ file }, 'sessions are lost: everybody has to log in again');
  return [];
}

/** A full disk must not lock people out: then sessions last until the end. @returns whether they are written */
export async function saveSessions(file: string, sessions: readonly StoredSession[], log: Logger): Promise<boolean> {
  try {
    await savePrivate(file, { sessions });
    return true;
  } catch (error) {
    log.warn({ cause: explain(error) }, 'sessions cannot be saved');
    return false;
  }
}
