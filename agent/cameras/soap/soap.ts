import { request } from 'node:http';
import { PerchError } from '../../base/errors.ts';
import { find, findText, localName, plainLine, readXml } from './xml.ts';

/** The largest real replies (profiles of a recorder with 32 channels) have some 300 kB. */
const MAX_REPLY_BYTES = 1 << 20;

/** Why a call did not get through, in words for people. */
const CAUSES: Record<string, string> = {
  ECONNREFUSED: 'it refuses the connection: check address and port, and that ONVIF is on in the camera',
  EHOSTUNREACH: 'nothing answers there: is it on?',
  EHOSTDOWN: 'nothing answers there: is it on?',
  ETIMEDOUT: 'nothing answers there: is it on?',
  ENETUNREACH: 'there is no network to it',
  ENOTFOUND: 'no device with this name is known',
  EAI_AGAIN: 'the name cannot be looked up now',
  ECONNRESET: 'it broke the connection',
  EPIPE: 'it broke the connection',
};

/** How one camera is called. The host is the one that the caller knows: never one that a reply has named. */
export interface SoapTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly hasLogin: boolean;
  /** For a whole call, from the first byte to the last: an idle timeout never ends a camera that sends a byte a second. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** Sends one SOAP request and gives the reply's text; a fault or anything that is not SOAP is thrown as PerchError. */
export async function callSoap(target: SoapTarget, envelope: string): Promise<string> {
  const { status, body } = await post(target, envelope);
  const context = { host: target.host, status };
  if (status === 404 || status === 405) {
    throw new PerchError('notFound', `no ONVIF service at ${target.path} (HTTP ${status})`, context);
  }
  throwFault(target, status, body);
  if (status !== 200) {
    throw new PerchError('unavailable', `the camera answers HTTP ${status}`, context);
  }
  return body.toString();
}

async function post(target: SoapTarget, envelope: string): Promise<{ status: number; body: Buffer }> {
  const deadline = AbortSignal.timeout(target.deadlineMs);
  const signal = AbortSignal.any([target.signal, deadline]);
  const context = { host: target.host, port: target.port };
  try {
    return await exchange(target, envelope, signal);
  } catch (cause) {
    if (cause instanceof PerchError) {
      throw cause;
    }
    if (deadline.aborted) {
      throw new PerchError(
        'timeout',
        `no answer from the camera at ${target.host}:${target.port} within ${target.deadlineMs / 1000} s`,
        context,
      );
    }
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const reason = CAUSES[code] ?? message;
    throw new PerchError('unavailable', `cannot reach the camera at ${target.host}:${target.port}: ${reason}`, {
      ...context,
      errno: code,
    });
  }
}

function exchange(
  target: SoapTarget,
  envelope: string,
  signal: AbortSignal,
): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const sent = request({
      host: target.host,
      port: target.port,
      path: target.path,
      method: 'POST',
      // Some boards break when a connection is used again.
      agent: false,
      headers: {
        'Content-Type': 'application/soap+xml; charset=utf-8',
        'Content-Length': Buffer.byteLength(envelope),
        Connection: 'close',
      },
      signal,
    });
    sent.on('error', reject);
    let isAnswered = false;
    // Also without an error: Node says nothing else of one that wants to switch protocols.
    sent.on('close', () => {
      if (!isAnswered) {
        reject(new Error('it closed the connection without an answer'));
      }
    });
    sent.on('response', (response) => {
      isAnswered = true;
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > MAX_REPLY_BYTES) {
          sent.destroy(
            new PerchError('badInput', `reply of more than ${MAX_REPLY_BYTES} bytes`, { host: target.host }),
          );
        }
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
      response.on('close', () => reject(new Error('it closed the connection inside its reply')));
    });
    sent.end(envelope);
  });
}

/** A SOAP fault comes with any status, even 200; a reply that is no XML counts by its status alone. */
function throwFault(target: SoapTarget, status: number, body: Buffer): void {
  const context = { host: target.host, status };
  let fault: ReturnType<typeof find>;
  try {
    const root = readXml(body, MAX_REPLY_BYTES);
    fault = find(root, 'Body', 'Fault');
    if (status === 200 && localName(root) !== 'Envelope') {
      throw new PerchError('badInput', `'${localName(root).slice(0, 40)}' is not a SOAP envelope`);
    }
  } catch (cause) {
    if (status === 200) {
      throw new PerchError('badInput', 'the camera answers something that is not ONVIF', context, cause);
    }
  }
  const subcode = subcodeOf(fault);
  if (status === 401 || status === 403 || subcode === 'NotAuthorized' || subcode === 'FailedAuthentication') {
    const words = target.hasLogin ? 'refuses this user name or password' : 'asks for a user name and a password';
    throw new PerchError('unauthorized', `the camera ${words}`, context);
  }
  if (fault) {
    const reason =
      plainLine(findText(fault, 'Reason', 'Text') ?? findText(fault, 'faultstring')) ?? subcode ?? 'no reason';
    const code = subcode === 'ActionNotSupported' ? 'unsupported' : 'unavailable';
    throw new PerchError(code, `the camera answers with a fault: ${reason}`, { ...context, subcode });
  }
}

/** The innermost subcode, such as NotAuthorized or ActionNotSupported, without its prefix. */
function subcodeOf(fault: ReturnType<typeof find>): string | undefined {
  const outer = find(fault, 'Code', 'Subcode');
  const inner = find(outer, 'Subcode');
  return plainLine(findText(inner, 'Value') ?? findText(outer, 'Value'))
    ?.split(':')
    .at(-1);
}
