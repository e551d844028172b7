import { type Logger, type LoggerOptions, pino } from 'pino';

export type { Logger } from 'pino';

/** Before an IP address, so that an @ in the path behind it stays. */
const CREDENTIALS_OF_IP =
  /([a-z][a-z0-9+.-]{0,15}:\/\/)[^\s/]*@(?=(?:\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:.]+(?:%\w+)?\])(?::\d{1,5})?(?:[/?#\s"']|$))/gi;
/**
 * A typed password may contain slashes, quotes and @, or (without slashes) blanks. A port (`:554/`) is not a password; a quote followed by
 * what ends a value in JSON or in a log line ends it.
 */
const TYPED_CREDENTIALS = [/[^\s"']|["'](?![\s,}\]:]|$)/, /[^\n/"']|["'](?![\s,}\]:]|$)/].map(
  ({ source }) =>
    new RegExp(`([a-z][a-z0-9+.-]{0,15}://)[^\\s/:["']*:(?!\\d{1,5}(?:[/?#\\s"']|$))(?:${source}){0,256}@`, 'gi'),
);
const CREDENTIALS = /([a-z][a-z0-9+.-]{0,15}:\/\/)[^\s/@]*(?:@[^\s/@]*)*@/gi;
const ALL_CREDENTIALS = [CREDENTIALS_OF_IP, ...TYPED_CREDENTIALS, CREDENTIALS];
/** In queries, and in paths of some cameras: `/user=admin_password=x_channel=1`. */
const SECRET_KEY =
  /[?&;/_](?:token|jwt|pass|passwd|password|pwd|loginpas|authbasic|secret|session|passphrase|streamid|key|streamkey|sign|signature)=/
    .source;
const SECRETS = new RegExp(`(${SECRET_KEY})(?:[^&\\s"']|["'](?![\\s,}\\]:)]|$))*`, 'gi');
/** The last part of a WebRTC session's URL permits to end and redirect it. */
const SESSION_URLS = /(\/(?:whip|whep|talk)\/)[\da-f]{8}-[\da-f-]{27}/gi;

/** Removes `user:password@`, `token=`, `jwt=`, `pass=`, `key=` and session secrets, for logs, API answers and error pages. */
export function redact(text: string): string {
  const bare = text.includes('@') ? ALL_CREDENTIALS.reduce((shown, one) => shown.replace(one, '$1'), text) : text;
  return bare.replace(SECRETS, '$1***').replace(SESSION_URLS, '$1***');
}

/** In place of what `redact` removed. */
const REDACTED = new RegExp(`(?:${SECRET_KEY}|/(?:whip|whep|talk)/)\\*{3}(?=[&?/\\s"']|$)`, 'i');

/** Whether `***` of `redact` stands in a text for a secret. Removed `user:password@` leaves no sign. */
export const isRedacted = (text: string): boolean => REDACTED.test(text);

/**
 * The program's logger. Children bind identity (`path`, `source`, `session`), so that code logs only the event:
 * a constant phrase, facts as fields with units. error = a person must act; warn = degraded, heals itself;
 * info = a state changed; debug = protocol dialogue. Nothing per packet above debug.
 */
export function createLogger(level: string, write: (line: string) => void): Logger {
  const family = new Set<WeakRef<Logger>>();
  const gone = new FinalizationRegistry((child: WeakRef<Logger>) => family.delete(child));
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    // A child copies the level, so long-lived ones (a path, a server) would keep the level of the start.
    onChild: (child) => {
      if (child.level === root.level) {
        const member = new WeakRef<Logger>(child);
        family.add(member);
        gone.register(child, member);
      }
    },
  };
  const root: Logger = pino(options, { write });
  FAMILIES.set(root, family);
  return root;
}

const FAMILIES = new WeakMap<Logger, ReadonlySet<WeakRef<Logger>>>();

/** Changes the level of a logger of `createLogger` and its children, except for those with their own level. */
export function setLogLevel(root: Logger, level: string): void {
  for (const member of FAMILIES.get(root) ?? []) {
    const child = member.deref();
    if (child) {
      child.level = level;
    }
  }
  root.level = level;
}

export const silentLogger: Logger = pino({ level: 'silent' });
