import { PerchError } from '../../../base/errors.ts';
import { parseKeyMgmt } from '../../../media/mikey/key-mgmt.ts';
import type { MikeyMessage } from '../../../media/mikey/message.ts';
import { parseTransports, type Transport } from '../../../media/rtsp/transport.ts';
import type { Delivery, TransportKind } from '../transport/media-plane.ts';
import { TRANSPORT_LABEL } from './session.ts';

export interface ChosenTransport {
  readonly kind: TransportKind;
  readonly wanted: Transport;
  /** Key of the SRTP packets that the client sends. */
  readonly key?: MikeyMessage;
}

/** What SETUP may choose. */
export interface OfferedTransports {
  readonly kinds: readonly TransportKind[];
  /** Over TLS: SRTP in the connection and in datagrams, plain RTP in the connection only. */
  readonly isSecure: boolean;
}

/**
 * The first usable alternative of SETUP's Transport header, RFC 2326 §12.39.
 * @param present transport of the session's earlier tracks: all use the same one
 * @throws PerchError `unsupported` without a usable one, `badInput` if it differs from earlier tracks
 */
export function chooseTransport(
  header: string | undefined,
  enabled: OfferedTransports,
  present: Pick<Delivery, 'kind' | 'isSecure'> | undefined,
  keyMgmt?: string,
): ChosenTransport {
  const alternatives = parseTransports(header ?? '').map((wanted) => ({ kind: transportKind(wanted), wanted }));
  const possible = alternatives.filter((one) => isOffered(one, enabled));
  if (possible.length === 0) {
    const asked = alternatives.map(({ kind, wanted }) =>
      wanted.isSecure && !enabled.isSecure ? 'SRTP' : TRANSPORT_LABEL[kind],
    );
    const shown = asked.length > 0 ? listOf(asked) : `an invalid transport ('${(header ?? '').slice(0, 80)}')`;
    const served = listOf(enabled.kinds.map((kind) => servedAs(kind, enabled.isSecure)));
    throw new PerchError('unsupported', `the client requests ${shown}, available: ${served}`);
  }
  const chosen = possible.find(
    ({ kind, wanted }) => !present || (kind === present.kind && wanted.isSecure === present.isSecure),
  );
  if (!chosen) {
    throw new PerchError('badInput', `all tracks of a session must use the same transport: ${present?.kind}`);
  }
  return chosen.wanted.isSecure && keyMgmt !== undefined ? { ...chosen, key: parseKeyMgmt(keyMgmt) } : chosen;
}

const isOffered = ({ kind, wanted }: ChosenTransport, { kinds, isSecure }: OfferedTransports): boolean =>
  kinds.includes(kind) && (isSecure ? wanted.isSecure || kind === 'tcp' : !wanted.isSecure);

const servedAs = (kind: TransportKind, isSecure: boolean): string =>
  isSecure && kind !== 'tcp' ? `${TRANSPORT_LABEL[kind]} with SRTP` : TRANSPORT_LABEL[kind];

const listOf = (labels: readonly string[]): string => [...new Set(labels)].join(', ');

function transportKind({ protocol, isMulticast }: Transport): TransportKind {
  return protocol === 'tcp' ? 'tcp' : isMulticast ? 'multicast' : 'udp';
}
