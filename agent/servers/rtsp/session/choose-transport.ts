import { PerchError } from '../../../base/errors.ts';
import { parseTransports, type Transport } from '../../../media/rtsp/transport.ts';
import type { TransportKind } from '../transport/media-plane.ts';
import { TRANSPORT_LABEL } from './session.ts';

export interface ChosenTransport {
  readonly kind: TransportKind;
  readonly wanted: Transport;
}

/**
 * The first usable alternative of SETUP's Transport header, RFC 2326 §12.39.
 * @param present transport of the session's earlier tracks: all use the same one
 * @throws PerchError `unsupported` without a usable one, `badInput` if it differs from earlier tracks
 */
export function chooseTransport(
  header: string | undefined,
  enabled: readonly TransportKind[],
  present: TransportKind | undefined,
): ChosenTransport {
  const alternatives = parseTransports(header ?? '').map((wanted) => ({ kind: kindOf(wanted), wanted }));
  const possible = alternatives.filter(({ kind, wanted }) => enabled.includes(kind) && !wanted.isSecure);
  if (possible.length === 0) {
    const asked = alternatives.map(({ kind, wanted }) => (wanted.isSecure ? 'SRTP' : TRANSPORT_LABEL[kind]));
    const shown = asked.length > 0 ? listOf(asked) : `an invalid transport ('${(header ?? '').slice(0, 80)}')`;
    const served = listOf(enabled.map((kind) => TRANSPORT_LABEL[kind]));
    throw new PerchError('unsupported', `the client requests ${shown}, available: ${served}`);
  }
  const chosen = possible.find(({ kind }) => present === undefined || kind === present);
  if (!chosen) {
    throw new PerchError('badInput', `all tracks of a session must use the same transport: ${present}`);
  }
  return chosen;
}

const listOf = (labels: readonly string[]): string => [...new Set(labels)].join(', ');

function kindOf({ protocol, isMulticast }: Transport): TransportKind {
  return protocol === 'tcp' ? 'tcp' : isMulticast ? 'multicast' : 'udp';
}
