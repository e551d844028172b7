import { PerchError } from '../../base/errors.ts';
import { parseTransports, type Transport } from '../../media/rtsp/transport.ts';
import type { TransportKind } from './media-plane.ts';

export interface ChosenTransport {
  readonly kind: TransportKind;
  readonly wanted: Transport;
}

/**
 * The first alternative of SETUP's Transport header that may be used, RFC 2326 §12.39.
 * @param present how the tracks that are set up already travel: all go the same way
 * @throws PerchError `unsupported` when there is none, `badInput` when the others went another way
 */
export function chooseTransport(
  header: string | undefined,
  enabled: readonly TransportKind[],
  present: TransportKind | undefined,
): ChosenTransport {
  const alternatives = parseTransports(header ?? '').map((wanted) => ({ kind: kindOf(wanted), wanted }));
  const possible = alternatives.filter(({ kind, wanted }) => enabled.includes(kind) && !wanted.isSecure);
  if (possible.length === 0) {
    throw new PerchError('unsupported', `none of '${(header ?? '').slice(0, 80)}' is served: ${enabled.join(', ')}`);
  }
  const chosen = possible.find(({ kind }) => present === undefined || kind === present);
  if (!chosen) {
    throw new PerchError('badInput', `all tracks of a session have the same transport: ${present}`);
  }
  return chosen;
}

function kindOf({ protocol, isMulticast }: Transport): TransportKind {
  return protocol === 'tcp' ? 'tcp' : isMulticast ? 'multicast' : 'udp';
}
