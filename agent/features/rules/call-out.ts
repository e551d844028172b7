import { explain, PerchError } from '../../base/errors.ts';
import { withJoinedSignal } from '../../base/joined-signal.ts';
import { sendRequest } from '../../base/network/http-client.ts';
import type { CameraEvent } from '../../record/events/event.ts';

const TIMEOUT_MS = 10_000;
const MAX_REDIRECTS = 3;

/** What starts a run. */
export type Cause =
  | { readonly by: 'event'; readonly event: CameraEvent }
  | { readonly by: 'request' | 'button'; readonly user: string };

/** What a server gets. Times are RFC 3339. */
export function messageOf(rule: string, cause: Cause, wallMs: number): object {
  const event = cause.by === 'event' ? cause.event : undefined;
  return {
    rule,
    time: timeText(wallMs),
    by: cause.by,
    event: event
      ? {
          id: event.id,
          path: event.path,
          type: event.type,
          source: event.source,
          start: timeText(event.startUs / 1_000),
          end: event.endUs === undefined ? null : timeText(event.endUs / 1_000),
          text: event.text,
          labels: [...new Set((event.labels ?? []).map(({ type }) => type))],
          zones: event.zones ?? [],
        }
      : null,
  };
}

/** What a command gets, besides the variables of its path. */
export function variablesOf(rule: string, cause: Cause): Readonly<Record<string, string>> {
  if (cause.by !== 'event') {
    return { PERCH_RULE: rule, PERCH_EVENT_TYPE: '', PERCH_EVENT_ID: '' };
  }
  return { PERCH_RULE: rule, PERCH_EVENT_TYPE: cause.event.type, PERCH_EVENT_ID: cause.event.id };
}

export const timeText = (ms: number): string => new Date(ms).toISOString();

/**
 * Sends JSON to a server that the owner has named. Redirects are followed on the same host alone, so that no other server gets what the event
 * says. The answer is not read. @throws PerchError without the address, which may be secret
 */
export async function post(address: string, body: object, signal: AbortSignal, timeoutMs = TIMEOUT_MS): Promise<void> {
  const first = new URL(address);
  await withJoinedSignal([signal], timeoutMs, async (joined) => {
    let url = first;
    for (let i = 0; i <= MAX_REDIRECTS; i += 1) {
      const { status, location } = await send(url, JSON.stringify(body), joined);
      if (status >= 200 && status < 300) {
        return;
      }
      const next = status === 307 || status === 308 ? location : undefined;
      if (next === undefined || !URL.canParse(next, url)) {
        throw new PerchError('unavailable', `${first.host} answers with status ${status}`);
      }
      url = new URL(next, url);
      if (url.host !== first.host || url.protocol !== first.protocol) {
        throw new PerchError('unsupported', `${first.host} redirects to another server: set the address that it names`);
      }
    }
    throw new PerchError('unavailable', `${first.host} redirects more than ${MAX_REDIRECTS} times`);
  });
}

async function send(
  url: URL,
  body: string,
  joined: { readonly signal: AbortSignal; readonly isLate: boolean },
): Promise<{ readonly status: number; readonly location: string | undefined }> {
  try {
    const headers = { 'User-Agent': 'Perch', 'Content-Type': 'application/json' };
    const response = await sendRequest(url, { method: 'POST', headers, body, signal: joined.signal });
    response.on('error', () => {}).destroy();
    return { status: response.statusCode ?? 0, location: response.headers.location };
  } catch (cause) {
    const why = joined.isLate ? 'does not answer' : `cannot be reached: ${explain(cause)}`;
    throw new PerchError(joined.isLate ? 'timeout' : 'unavailable', `${url.host} ${why}`);
  }
}
