import type { HttpRequest } from './http/http-exchange.ts';
import type { SoapCall } from './soap-call.ts';
import { actionOf, type SoapVersion, writeEnvelope } from './xml/envelope.ts';

/**
 * A call as it goes over HTTP.
 * @param token for its header, before its own
 * @param login of HTTP
 */
export function writeRequest(
  version: SoapVersion,
  call: SoapCall,
  token: string,
  login: string | undefined,
): Pick<HttpRequest, 'method' | 'path' | 'headers' | 'body'> {
  const body = writeEnvelope(version, token + (call.headers ?? ''), call.body);
  const action = call.action ?? actionOf(call.body) ?? '';
  // SOAP 1.2 part 2 §6.5.3; SOAP 1.1 §6.1.1.
  const type =
    version === '1.2'
      ? { 'Content-Type': `application/soap+xml; charset=utf-8${action === '' ? '' : `; action="${action}"`}` }
      : { 'Content-Type': 'text/xml; charset=utf-8', SOAPAction: `"${action}"` };
  const authorization = login === undefined ? {} : { Authorization: login };
  return {
    method: 'POST',
    path: call.path,
    headers: { ...type, 'Content-Length': `${Buffer.byteLength(body)}`, ...authorization },
    body,
  };
}
