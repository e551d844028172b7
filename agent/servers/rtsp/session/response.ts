import { type ErrorCode, PerchError } from '../../../base/errors.ts';
import { writeKeyMgmt } from '../../../media/mikey/key-mgmt.ts';
import type { MikeyMessage } from '../../../media/mikey/message.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';
import { type Transport, writeTransport } from '../../../media/rtsp/transport.ts';

/** A response without CSeq and Server, which the connection adds. */
export interface Response {
  readonly status: number;
  readonly headers?: readonly HeaderField[];
  readonly body?: Uint8Array;
  /** Called in the same turn after the response is written. */
  readonly onSent?: () => void;
  /** Closes the connection after the response, with this reason. */
  readonly closeReason?: string;
}

/** MediaMTX's statuses: an unusable path is a bad request, except that nothing is published to it. */
const STATUS: Record<ErrorCode, number> = {
  badInput: 400,
  notFound: 404,
  unauthorized: 401,
  unavailable: 503,
  timeout: 400,
  unsupported: 461,
  conflict: 412,
  exhausted: 400,
};

/** @param key of what we send, with SRTP */
export const setUpFields = (transport: Transport, uri: string, key: MikeyMessage | undefined): HeaderField[] => [
  ['Transport', writeTransport(transport)],
  ...(key ? [['KeyMgmt', writeKeyMgmt(uri, key)] as const] : []),
];

/** The response to an error; undefined for a bug. */
export function responseTo(error: unknown): Response | undefined {
  return error instanceof PerchError ? { status: STATUS[error.code] } : undefined;
}
